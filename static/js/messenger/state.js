// The elements of the panel, its translated texts, and the state that the other modules share.
//
// Modules import in one direction: state < host, api, message_row < message_list < forms, polls < sending,
// subscriptions < greetings, identity < panel. Calls in the other direction are events of `events`:
//   form-added   a row with a form was created; detail: the row
//   cleared      the list was emptied, because another person begins
//   polled       the server answered a poll
//   gone         the server no longer knows the token or the session
//   begun        the session of the current person is ready
//   acted        the server stored what the visitor did on a greeting; detail: its rule

export const events = new EventTarget();
export const emit = (name, detail) => events.dispatchEvent(new CustomEvent(name, { detail }));

export const texts = document.querySelector("main").dataset;
export const byId = (id) => document.getElementById(id);
export const [log, list, field, notice, newer, earlier] = ["log", "list", "text", "state", "newer", "earlier"].map(byId);

export const state = {
  parentOrigin: null,
  page: "",
  onPageSinceMs: 0,
  isOpen: false,
  token: null, // of an anonymous visitor; the host page keeps it
  tokenConfirmed: () => {}, // called when the host page reports the token that it stores
  isProven: false, // the server knows the token
  isChosenHere: false, // this page chose the token
  session: null, // of a signed user; in memory only, so that no other person at this browser gets it
  person: "", // distinguishes one signed user from another; empty for an anonymous visitor
  identity: null,
  isStale: false, // the page signed something that the server does not have yet
  generation: 0, // grows when another person begins: responses for the person before are ignored
  begun: Promise.resolve(), // settles when the current person's session is ready
  isSending: false,
  failures: 0, // requests in a row that failed
  greeting: null, // the greeting on the screen that is not stored: its rule and page
  unreadGreetings: 0,
  lastActiveMs: 0, // time of the visitor's last action or of the last new message
};
export const queue = []; // messages that are not sent yet, each with its row

export const bearer = () => state.session || state.token;
export const isSigned = () => Boolean(state.identity?.user_hash || state.identity?.user_jwt);
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const element = (name, values, ...children) => {
  const created = Object.assign(document.createElement(name), values);
  created.append(...children);
  return created;
};
