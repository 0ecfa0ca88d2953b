// The screen "Your subscriptions", in the place of the messages.

import { call } from "./api.js";
import { reloadForms } from "./forms.js";
import { bearer, byId, element, events, isSigned, state, texts } from "./state.js";

const [screen, opener, title, said, types, manage] =
  ["subscriptions", "open-subscriptions", "subscriptions-title", "subscriptions-state", "types", "manage"].map(byId);
const inLanguage = () => `?lang=${encodeURIComponent(document.documentElement.lang)}`;
const messages = document.querySelectorAll("#log, #state, #write");

export const isShown = () => !screen.hidden;
const toggle = (isOpen) => {
  screen.hidden = !isOpen;
  for (const each of messages) each.hidden = isOpen;
  opener.setAttribute("aria-expanded", String(isOpen));
};
export const closeSubscriptions = () => {
  toggle(false);
  opener.focus();
};

const openSubscriptions = async () => {
  toggle(true);
  types.replaceChildren();
  manage.hidden = true;
  title.focus();
  await load((generation) => Promise.all([
    bearer() ? call("GET", `subscriptions${inLanguage()}`) : { subscriptions: [] },
    isSigned() && state.session ? call("POST", "preferences", {}).catch(() => null) : null,
  ]).then(([{ subscriptions }, link]) => {
    if (generation !== state.generation) return;
    show(subscriptions);
    if (link) manage.href = link.address;
    manage.hidden = !link;
  }));
};

const load = async (request, failed = texts.notLoaded) => {
  said.textContent = "";
  try {
    await request(state.generation);
  } catch (error) {
    if (error.status === 404) show([]); // an unknown visitor
    else said.textContent = failed;
  }
};

const show = (subscriptions) => {
  types.replaceChildren(...subscriptions.map(row));
  if (!subscriptions.length) said.textContent = texts.noSubscriptions;
};

const row = ({ id, name, description, lang, status, subscribed, destination }) => {
  const heading = element("h3", { id: `type-${id}`, lang, dir: "auto" }, name);
  const word = subscribed ? texts.subscribed : status === "opted_out" ? texts.unsubscribed : texts.notSubscribed;
  const about = element("p", { className: `status${subscribed ? " on" : ""}`, tabIndex: -1 }, element("strong", {}, word));
  if (destination) about.append(" ", element("bdi", { dir: "ltr" }, destination));
  const made = element("li", {}, heading);
  made.dataset.subscriptionType = id;
  made.dataset.subscribed = subscribed;
  if (description) made.append(element("p", { className: "about", lang, dir: "auto" }, description));
  made.append(about);
  if (subscribed) made.append(leaveButton(id, name));
  return made;
};

const leaveButton = (id, name) => {
  const button = element("button", { type: "button", textContent: texts.unsubscribe });
  button.setAttribute("aria-describedby", `type-${id}`);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    await load(async (generation) => {
      const { subscriptions } = await call("POST", `subscriptions/${id}/unsubscribe${inLanguage()}`, {});
      if (generation !== state.generation) return;
      show(subscriptions);
      said.textContent = texts.left.replace("{name}", name);
      types.querySelector(`[data-subscription-type="${id}"] .status`)?.focus();
      reloadForms();
    }, texts.notLeft);
    button.removeAttribute("aria-disabled");
  });
  return button;
};

opener.addEventListener("click", () => (isShown() ? closeSubscriptions() : openSubscriptions()));
byId("back").addEventListener("click", closeSubscriptions);
events.addEventListener("cleared", () => {
  if (isShown()) closeSubscriptions();
});
