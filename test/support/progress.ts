const PAUSE_MILLISECONDS = 5_000;

/** Says now and then how far a long run is, `[1200/10000 0:45] lives`; a run that is over sooner says nothing. */
export function showProgress(what: string, total: number): { step(): void } {
  const begun = performance.now();
  let told = begun;
  let done = 0;
  return {
    step() {
      done++;
      const now = performance.now();
      if (now - told < PAUSE_MILLISECONDS) return;
      told = now;
      const seconds = Math.floor((now - begun) / 1000);
      const elapsed = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      console.error(`[${done}/${total} ${elapsed}] ${what}`);
    },
  };
}
