import type { FC } from "hono/jsx";

export const LoginForm: FC<{ readonly problem: string | undefined; readonly hasToken: boolean }> = ({
  problem,
  hasToken,
}) => (
  <>
    {problem !== undefined && (
      <p class="trouble" role="alert">
        {problem}
      </p>
    )}
    {hasToken ? (
      <form method="post" action="/login" class="login">
        <input type="text" name="user" autocomplete="username" value="technician" hidden />
        <label>
          Token{" "}
          <input type="password" name="token" autocomplete="current-password" required autofocus maxlength={256} />
        </label>
        <button type="submit">Log in</button>
      </form>
    ) : (
      <p>
        The program was started without a token: <code>--http-token-file</code> names a file with one.
      </p>
    )}
  </>
);
