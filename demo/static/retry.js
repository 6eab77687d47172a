// Loads a page again that failed because the store of the sessions was down.

const state = document.querySelector("#retrying");
state.textContent = "This page tries again once a second.";
setTimeout(retry, 1000);

async function retry() {
  try {
    // A small reply that needs the session.
    const response = await fetch("/idle/remaining", { redirect: "error" });
    if (response.ok) {
      location.reload();
      return;
    }
  } catch {
    // The server may be back soon.
  }
  setTimeout(retry, 1000);
}
