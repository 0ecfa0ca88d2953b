// What all parts of the panel share: its elements, the words it says, and how things stand.

export const say = document.querySelector("main").dataset;
export const part = (id) => document.getElementById(id);
export const [log, list, field, notice, newer, earlier] = ["log", "list", "text", "state", "newer", "earlier"].map(part);

export const chat = {
  parentOrigin: null,
  page: "",
  isOpen: false,
  token: null, // of somebody anonymous; kept by the page around this frame
  tokenTold: () => {}, // called when that page says which token it keeps
  isProven: false, // the server knows the token
  isChosenHere: false, // the token is of this page's making
  session: null, // of a signed user; in memory only, so that nobody else at this browser finds it
  person: "", // what tells one signed user from another; empty: nobody is signed
  identity: null,
  isStale: false, // the page signed something that the server does not have yet
  life: 0, // grows when another person begins: answers meant for the one before are passed over
  failures: 0, // requests in a row that were not answered
  active: 0, // when something last happened here
};

export const bearer = () => chat.session || chat.token;
export const isSigned = () => Boolean(chat.identity?.user_hash || chat.identity?.user_jwt);
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const element = (name, values, ...inside) => {
  const made = Object.assign(document.createElement(name), values);
  made.append(...inside);
  return made;
};
