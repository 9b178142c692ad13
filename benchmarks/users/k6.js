// One user of k6: fetches one URL, as often as it can, every PAUSE seconds, or RATE times a second.
import http from "k6/http";
import { sleep } from "k6";

const { URL, RATE, USERS, SECONDS, PAUSE } = __ENV;
const duration = `${SECONDS}s`;
const vus = Number(USERS);
const closed = { executor: "constant-vus", vus, duration };
const open = {
  executor: "constant-arrival-rate",
  rate: Number(RATE),
  timeUnit: "1s",
  duration,
  preAllocatedVUs: vus,
  maxVUs: vus,
};

export const options = {
  scenarios: { load: RATE ? open : closed },
  summaryTrendStats: ["p(50)", "p(95)", "p(99)"],
};

export default function () {
  http.get(URL);
  if (PAUSE) sleep(Number(PAUSE));
}
