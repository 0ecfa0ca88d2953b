// Improvements for staff pages. All of them work without scripts.

// "Copy" beside a read-only field: <button data-copy="id-of-the-field" hidden>.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // without HTTPS there is no clipboard object
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// Closes the account menu by Escape or by a click beside it.
const menu = document.querySelector("details.menu");
document.addEventListener("click", (event) => {
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});
menu?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Opens closed details when a link of the error summary leads into them.
for (const link of document.querySelectorAll(".summary a[href^='#']")) {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    for (let up = field.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    const target = field.matches("fieldset") ? field.querySelector("input") : field;
    event.preventDefault();
    target.focus();
    target.scrollIntoView({ block: "center" });
  });
}

// Adds a search field to a long list of checkboxes: <div data-filter="Find a country">.
for (const list of document.querySelectorAll("[data-filter]")) {
  const find = document.createElement("input");
  find.type = "search";
  find.className = "checklist-find";
  find.placeholder = list.dataset.filter;
  find.setAttribute("aria-label", list.dataset.filter);
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const label of list.children) label.hidden = !label.textContent.toLowerCase().includes(wanted);
  });
  find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  list.before(find);
}
