/** Keeps slots and settings in the browser: what is small at once, what is large in its database. */

const PREFIX = "groovefast.";

/** Keeps a value under a name. */
export function keep(name, value) {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(PREFIX + name, text);
  } catch {
    localStorage.removeItem(PREFIX + name); // too large: a song of many megabytes
    return inDatabase("readwrite", (values) => values.put(text, name));
  }
  return Promise.resolve();
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
