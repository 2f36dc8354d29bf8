/** Keeps slots and settings in the browser: what is small at once, what is large in its database. */

const PREFIX = "groovefast.";

/** Keeps a value under a name. */
export async function keep(name, value) {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(PREFIX + name, text);
  } catch {
    forget(name); // too large: a song of many megabytes
    await inDatabase("readwrite", (values) => values.put(text, name));
  }
}

function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // The browser keeps nothing at all.
  }
}

/** What was kept under a name; undefined if there is nothing, or nothing that can be read. */
export async function kept(name) {
  try {
    const text = localStorage.getItem(PREFIX + name) ?? await inDatabase("readonly", (values) => values.get(name));
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Calls `told` with name and value of what another page of the studio has kept. */
export function whenKeptElsewhere(told) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(PREFIX) && newValue !== null) told(key.slice(PREFIX.length), JSON.parse(newValue));
  });
}

function inDatabase(access, ask) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("groovefast", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("values");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("values", access);
      const request = ask(transaction.objectStore("values"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    };
  });
}
