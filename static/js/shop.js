// The user object of the demo shop, as of a visitor who is not signed in. Shops write it with their customers' values.
window.insider_object = { user: { gdpr_optin: true } };
