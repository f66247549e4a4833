import { describe, expect, test } from "bun:test";
import type { WebOptions } from "../../../src/web/application.ts";
import { AT, HOSTILE, hostileStation } from "../../support/station-source.ts";
import { TOKEN, webScene } from "../../support/web.ts";

const VIEWS = ["/", "/evses", "/queue", "/messages", "/variables", "/log", "/configuration"];
const HOST = "127.0.0.1:8080";

function scene(options: Partial<WebOptions> = {}) {
  const { station, done } = hostileStation();
  const line = { number: 1, at: AT, severity: "warn" as const, text: HOSTILE };
  const source = {
    status: () => ({ started: true }),
    station: () => station,
    log: { last: 1, since: (number: number) => (number < 1 ? [line] : []) },
  };
  const web = webScene({ source, ...options });
  const post = (path: string, cookie: string, body = "") =>
    web.ask(path, {
      method: "POST",
      body,
      headers: {
        Host: HOST,
        Origin: `http://${HOST}`,
        Cookie: cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": String(body.length),
      },
    });
  const logIn = async (): Promise<string> => {
    const answer = await post("/login", "", `token=${TOKEN}`);
    expect([answer.status, answer.headers.get("Location")]).toEqual([303, "/"]);
    return answer.headers.get("Set-Cookie") ?? "";
  };
  return { ...web, done, post, logIn };
}

const textOf = async (answer: Response | Promise<Response>): Promise<string> => (await answer).text();

describe("whatever others have written is text on the page", () => {
  test.each(VIEWS)("%s", async (path) => {
    const answer = await scene().ask(path);
    const text = await answer.text();
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/html; charset=UTF-8"]);
    expect(text).toContain("&lt;script&gt;alert(1)");
    expect(text).not.toContain("<script>alert");
    expect(text).not.toContain("<img");
    // Nothing that the policy would have to forbid.
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)| on\w+=(?!x|alert)| style=/);
  });

  test.each(["station", "evses", "queue", "messages", "log"])("the stream of %s", async (view) => {
    const { ask } = scene();
    const cursor = /data-cursor="([^"]+)"/.exec(await textOf(ask("/queue")))?.[1]?.replace(/\d+$/, "0") ?? "";
    const { body } = await ask(`/events/${view}?cursor=${cursor}`);
    const reader = body?.getReader();
    await reader?.read();
    const text = new TextDecoder().decode((await reader?.read())?.value);
    await reader?.cancel();
    expect(text).toStartWith("id: ");
    expect(text).not.toContain("<script");
    expect(text).not.toContain("<img");
  });

  test("a message is plain text, and stays it", async () => {
    const answer = await scene().ask("/messages/1");
    expect(answer.headers.get("Content-Type")).toStartWith("text/plain");
    expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect((await scene().ask("/messages/2")).status).toBe(404);
  });

  test("a notice is one of ours, whatever the address says", async () => {
    expect(await textOf(scene().ask("/?notice=heartbeat-answered"))).toContain("The CSMS has answered the Heartbeat.");
    for (const name of [HOSTILE, "toString", "__proto__"])
      expect(await textOf(scene().ask(`/?notice=${encodeURIComponent(name)}`))).not.toContain('class="notice"');
  });
});

describe("views", () => {
  test("certificates: days left, and what is over", async () => {
    const text = await textOf(scene().ask("/"));
    expect(text).toContain("expired");
    expect(text).toContain("10 days left");
    expect(text).toContain("400 days left");
  });

  test.each([
    ["/variables?search=nothing+like+this", "0 found"],
    ["/variables?search=ALERT", "1 found"],
    ["/messages?action=Heartbeat", "No message that matches yet."],
    ["/messages?direction=sent", "No message that matches yet."],
    ["/log?severity=error", "No line that matches yet."],
    ["/log?text=something+else", "No line that matches yet."],
  ])("%s finds: %s", async (path, expected) => expect(await textOf(scene().ask(path))).toContain(expected));

  test("EVerest is asked for certificates once in a while, not for each page", async () => {
    const { station } = hostileStation();
    let asked = 0;
    const { ask, clock } = webScene({
      source: {
        status: () => ({ started: true }),
        station: () => ({
          ...station,
          certificates: async () => {
            asked++;
            return [];
          },
        }),
        log: { last: 0, since: () => [] },
      },
    });
    for (let page = 0; page < 20; page++) await ask("/");
    expect(asked).toBe(1);
    await clock.advance(31_000);
    await ask("/");
    expect(asked).toBe(2);
  });

  test("before there is a station the page says so and looks again", async () => {
    const answer = await webScene().ask("/evses");
    expect([answer.status, answer.headers.get("Refresh")]).toEqual([503, "2"]);
    expect(await answer.text()).toContain("The station is starting");
  });

  test("a page of an earlier run is told to load anew", async () => {
    expect(await textOf(scene().ask("/events/evses?cursor=earlier.3.4"))).toBe('data: {"reload":true}\n\n');
  });

  test.each(["/events/nothing?cursor=a.0.0", "/events/evses", "/events/variables?cursor=a.0.0"])(
    "%s is not there",
    async (path) => expect((await scene().ask(path)).status).toBe(404),
  );
});

describe("the token becomes a session", () => {
  test("elsewhere than on a loopback address pages lead to the login, and stay shut with a made-up cookie", async () => {
    const { ask } = scene({ bound: "0.0.0.0" });
    for (const Cookie of ["", "ocpp201-8080=AAAA", "ocpp201-8080="]) {
      const answer = await ask("/evses", { headers: { Accept: "text/html", Cookie } });
      expect([answer.status, answer.headers.get("Location")]).toEqual([303, "/login"]);
      expect((await ask("/events/evses?cursor=a.0.0", { headers: { Cookie } })).status).toBe(401);
    }
  });

  test("logged in, the page is there; logged out, it is not; after twelve hours neither", async () => {
    const { ask, clock, logIn, post } = scene({ bound: "0.0.0.0" });
    const cookie = await logIn();
    expect(cookie).toMatch(/^ocpp201-8080=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    const statusWith = async (Cookie: string) => (await ask("/evses", { headers: { Cookie } })).status;
    expect(await statusWith(cookie)).toBe(200);
    await post("/logout", cookie);
    expect(await statusWith(cookie)).toBe(401);
    const second = await logIn();
    await clock.advance(12 * 3_600_000 - 1);
    expect(await statusWith(second)).toBe(200);
    await clock.advance(2);
    expect(await statusWith(second)).toBe(401);
  });

  test("where no token is configured nobody logs in", async () => {
    const { post } = scene({ token: undefined });
    expect((await post("/login", "", "token=")).status).toBe(401);
    expect((await post("/login", "", `token=${TOKEN}`)).status).toBe(401);
  });
});

describe("what may be asked for", () => {
  test("only with the token, and the log names who asked", async () => {
    const infos: string[] = [];
    const logger = { debug() {}, info: (text: string) => infos.push(text), warn() {}, error() {}, critical() {} };
    const { done, logIn, post } = scene({ logger });
    expect((await post("/actions/reconnect", "")).status).toBe(401);
    expect(done).toEqual([]);
    const cookie = await logIn();
    expect((await post("/actions/reconnect", cookie)).headers.get("Location")).toBe("/?notice=reconnecting");
    expect((await post("/actions/heartbeat", cookie)).headers.get("Location")).toBe("/?notice=heartbeat-answered");
    expect(done).toEqual(["reconnect", "heartbeat"]);
    expect(infos).toContain("reconnect is asked for on the web page, from 192.0.2.7");
  });

  test("a session alone does not do it from another origin", async () => {
    const { ask, done, logIn } = scene();
    const Cookie = await logIn();
    for (const headers of [
      { Host: HOST, Cookie },
      { Host: HOST, Cookie, Origin: "http://127.0.0.1:9090" },
      { Host: HOST, Cookie, Origin: `http://${HOST}`, "Sec-Fetch-Site": "cross-site" },
    ])
      expect((await ask("/actions/reconnect", { method: "POST", headers })).status).toBe(403);
    expect(done).toEqual([]);
  });

  test("a Heartbeat that is not answered hinders nobody from reconnecting, but a second Heartbeat", async () => {
    const { station, done } = hostileStation();
    let answer = (_outcome: "timeout"): void => {};
    const sendHeartbeat = () =>
      new Promise<"timeout">((resolve) => {
        answer = resolve;
      });
    const { logIn, post } = scene({
      source: {
        status: () => ({ started: true }),
        station: () => ({ ...station, actions: { ...station.actions, sendHeartbeat } }),
        log: { last: 0, since: () => [] },
      },
    });
    const cookie = await logIn();
    const noticeOf = async (action: string) => (await post(`/actions/${action}`, cookie)).headers.get("Location");
    const first = noticeOf("heartbeat");
    expect(await noticeOf("heartbeat")).toBe("/?notice=busy");
    expect(await noticeOf("reconnect")).toBe("/?notice=reconnecting");
    expect(done).toEqual(["reconnect"]);
    answer("timeout");
    expect(await first).toBe("/?notice=heartbeat-timeout");
  });

  test("none by a link: GET does nothing", async () => {
    const { ask, done } = scene();
    expect((await ask("/actions/reconnect")).status).toBe(404);
    expect(done).toEqual([]);
  });
});
