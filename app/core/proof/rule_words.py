"""The names of the elements of ``rules.toml``, and the sentences about them. Pages translate them."""

from app.core.wording import translatable

ELEMENTS = {
    "agreement": translatable("A written or electronic agreement"),
    "number_listed": translatable("The number that may be texted"),
    "sender_named": translatable("The sender is named"),
    "marketing_named": translatable("The text says that it is about marketing"),
    "automated_texts": translatable("The text says that messages are automated"),
    "not_a_condition": translatable("Consent is not a condition of a purchase"),
    "affirmative_act": translatable("A clear affirmative act"),
    "texts_named": translatable("The text says that messages are texts"),
    "frequency": translatable("How often messages come"),
    "rates": translatable("Message and data rates"),
    "help": translatable("How to get help (HELP)"),
    "stop": translatable("How to stop (STOP)"),
    "one_channel": translatable("Consent for one channel only"),
    "privacy_and_terms": translatable("Links to privacy policy and terms"),
    "privacy_linked": translatable("Link to the privacy policy"),
    "demonstrable": translatable("The consent can be demonstrated"),
    "controller_named": translatable("The controller is named"),
    "purpose_named": translatable("The purpose is named"),
    "readable_language": translatable("The language of the page is recorded"),
    "withdrawal_explained": translatable("The person learns that they can withdraw at any time"),
    "way_out_named": translatable("The text says how to stop messages"),
    "mailing_address": translatable("The mailing address of the sender"),
    "contact_named": translatable("A phone number, email address or web address of the sender"),
}

ERASED = translatable("The evidence was erased. Only the event is left.")
NO_TEXT = translatable("No text that the person saw was recorded.")
FOUND = translatable("The text has the words “%(words)s”.")
NOT_FOUND = translatable("The usual words for it are not in the text. Check the text yourself.")
UNKNOWN_LANGUAGE = translatable("This language cannot be checked automatically. Check the text yourself.")
SENT_FORM = translatable("The person sent the form with the button “%(button)s”.")
TICKED = translatable("The person ticked the box “%(box)s”. It was not ticked in advance.")
SENT_KEYWORD = translatable("The person sent a text from the number.")
CHOSE = translatable("The person chose it in the preference center.")
REPORTED = translatable("It was reported with the note “%(note)s”. Keep what proves it, such as the signed paper.")
REPORTED_WITHOUT_NOTE = translatable("It was reported without a note of how the person said so.")
UNVERIFIED = translatable("A claim: it is not verified that it was this person.")
NUMBER = translatable("The evidence has %(destination)s.")
NO_NUMBER = translatable("The evidence has no number or address.")
NAMED = translatable("The page named “%(name)s”.")
NOT_NAMED = translatable("The page did not name “%(name)s”.")
LINKED = translatable("The page linked to %(links)s.")
NOT_LINKED = translatable("The page did not link to it.")
ONE_LINK = translatable("The page linked only to %(links)s. Check whether terms and privacy policy are both there.")
ONE_CHANNEL = translatable("The text asks for no other channel.")
OTHER_CHANNEL = translatable("The text also has the words “%(words)s”. Check whether it asks for another channel.")
LANGUAGE = translatable("The page was in the language %(language)s.")
KEPT = translatable("The text, the time and how it was given are kept with the event.")
ADDRESS = translatable("The page had the line “%(line)s” of the address.")
NO_ADDRESS = translatable("The address in the settings was not on the page. Check the text yourself.")
ADDRESS_UNSET = translatable("No address of the controller is set. Check the text yourself.")
CONTACT = translatable("The page had %(contact)s.")
