// Messages to and from the host page, the page around this frame.

import { state, texts } from "./state.js";

const origins = [location.origin, ...JSON.parse(texts.origins)];

export const postToHost = (type, more) => {
  if (state.parentOrigin) parent.postMessage({ source: "assent", version: 1, type, ...more }, state.parentOrigin);
};

// `handlers` by message type, for the host page; `onOther` for messages of any other window. The host page must first
// say hello from an allowed origin.
export const listen = (handlers, onOther) => addEventListener("message", ({ data, origin, source }) => {
  if (data?.source !== "assent") return;
  if (source !== parent) return onOther(source, origin, data);
  if (parent === window || !origins.includes(origin) || !Object.hasOwn(handlers, data.type)) return;
  if (state.parentOrigin ? origin !== state.parentOrigin : data.type !== "hello") return;
  state.parentOrigin = origin;
  handlers[data.type](data);
});
