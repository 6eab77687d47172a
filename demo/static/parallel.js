// Starts the concurrent requests of both runs, and then requests the writes that the sessions have.

const button = document.querySelector("#start");
const races = [...document.querySelectorAll("[data-race]")];
let running = false;

button.addEventListener("click", async () => {
  // The attribute `disabled` would remove the keyboard focus from the button.
  if (running) return;
  running = true;
  button.setAttribute("aria-disabled", "true");
  for (const race of races) {
    for (const polyp of race.querySelectorAll("li")) polyp.className = "";
    show(race, "", "Waiting …");
  }
  // One after the other, because a browser opens only a few connections at a time.
  for (const race of races) {
    try {
      await run(race);
    } catch {
      show(race, "failed", "The server did not answer.");
    }
  }
  button.removeAttribute("aria-disabled");
  running = false;
});

async function run(race) {
  const address = race.dataset.race;
  const polyps = [...race.querySelectorAll("li")];
  show(race, "running", "Running …");

  const token = (await load(address)).csrf_token;
  await post(address, token);
  const begun = performance.now();
  const outcomes = await Promise.allSettled(
    polyps.map(async (polyp, number) => {
      polyp.className = "waiting";
      await post(`${address}/${number}`, token);
      polyp.className = "answered";
    }),
  );
  const took = Math.round(performance.now() - begun);

  const { count, kept } = await load(address);
  let acknowledged = 0;
  let lost = 0;
  polyps.forEach((polyp, number) => {
    const isAcknowledged = outcomes[number].status === "fulfilled";
    const isKept = kept.includes(number);
    if (isAcknowledged) acknowledged += 1;
    if (isAcknowledged && !isKept) lost += 1;
    polyp.className = isKept ? "open" : isAcknowledged ? "lost" : "";
  });
  show(
    race,
    lost === 0 && count >= acknowledged ? "won" : "failed",
    `The counter is at ${count}`,
    `${acknowledged} of ${polyps.length} acknowledged in ${took} ms, ${lost === 0 ? "none" : lost} lost`,
  );
}

async function post(address, token) {
  const headers = { "X-CSRF-Token": token };
  const response = await fetch(address, { method: "POST", headers, redirect: "error" });
  if (!response.ok) throw new Error(`${address}: status ${response.status}`);
}

async function load(address) {
  const response = await fetch(address, { redirect: "error" });
  if (!response.ok) throw new Error(`${address}: status ${response.status}`);
  return response.json();
}

function show(race, state, headline, detail = "") {
  race.dataset.state = state;
  const strong = document.createElement("strong");
  strong.textContent = headline;
  const small = document.createElement("span");
  small.textContent = detail;
  race.querySelector(".result").replaceChildren(strong, " ", small);
}
