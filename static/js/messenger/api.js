// Requests to the server. Safari 15 has no timeout().

import { bearer, state } from "./state.js";

class RequestError extends Error {
  constructor(status, waitS = 0) {
    super(`status ${status}`);
    Object.assign(this, { status, waitS });
  }
}

const WITH_IDENTITY = ["session", "sign-in", "messages"]; // calls with the identity that the page signed

export const call = async (method, path, body) => {
  const headers = {};
  if (bearer()) headers.Authorization = `Bearer ${bearer()}`;
  if (state.identity && WITH_IDENTITY.includes(path)) headers["Assent-Identity"] = encodeURIComponent(JSON.stringify(state.identity));
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`/messenger/api/${path}`, {
    method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store", signal: AbortSignal.timeout?.(15_000),
  });
  if (!response.ok) throw new RequestError(response.status, Number(response.headers.get("Retry-After")) || 0);
  return response.status === 204 ? null : response.json();
};
