// The sentences of the scripts, in the language of the page (inbox/_live.html).

const texts = JSON.parse(document.getElementById("inbox-texts").textContent);

// The sentence with this name. "{name}" in it is replaced by the value.
export function sentence(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
