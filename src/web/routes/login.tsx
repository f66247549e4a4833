import type { Hono } from "hono";
import type { Logger } from "../../log/logger.ts";
import type { Access, WebEnvironment } from "../access/access.ts";
import { renderBarePage } from "../pages/layout.tsx";
import { LoginForm } from "../pages/login.tsx";

/** The token is posted once and becomes a session cookie; event streams cannot send headers. */
export function mountLogin(
  application: Hono<WebEnvironment>,
  { access, logger }: { readonly access: Access; readonly logger: Logger },
): void {
  const page = (problem?: string) =>
    renderBarePage("Log in", <LoginForm problem={problem} hasToken={access.hasToken} />);

  application.get("/login", (context) => context.html(page()));
  application.post("/login", async (context) => {
    const { token } = await context.req.parseBody();
    const verdict = access.judge(context, typeof token === "string" ? token.trim() : "");
    if (verdict.isRight) {
      access.logIn(context);
      logger.info(`Logged in on the web page from ${context.env.address}`);
      return context.redirect("/", 303);
    }
    if (verdict.pauseSeconds === 0) return context.html(page("This is not the token."), 401);
    context.header("Retry-After", String(verdict.pauseSeconds));
    return context.html(page(`Too many wrong tokens: try again in ${verdict.pauseSeconds} s.`), 429);
  });
  application.post("/logout", (context) => {
    access.logOut(context);
    return context.redirect("/", 303);
  });
}
