// The messenger's server: one door for everything that is asked of it.

import { bearer, chat } from "./chat.js";

class Problem extends Error {
  constructor(status, waitS = 0) {
    super(`status ${status}`);
    Object.assign(this, { status, waitS });
  }
}

const PROVEN = ["session", "sign-in", "messages"]; // what is told who the page says that its visitor is

export const call = async (method, path, body) => {
  const headers = {};
  if (bearer()) headers.Authorization = `Bearer ${bearer()}`;
  if (chat.identity && PROVEN.includes(path)) headers["Assent-Identity"] = encodeURIComponent(JSON.stringify(chat.identity));
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`/messenger/api/${path}`, {
    method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(15_000),
  });
  if (!response.ok) throw new Problem(response.status, Number(response.headers.get("Retry-After")) || 0);
  return response.status === 204 ? null : response.json();
};

