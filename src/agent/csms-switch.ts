import type { Clock, Timer } from "../lib/clock.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";

/**
 * Who switches the connection to the CSMS on and off: the start of the station, after its delay, then other modules and
 * external control. What these said holds, also against a start that was still to come.
 */
export class CsmsSwitch {
  private delayed: Timer | undefined;
  private isTouched = false;

  constructor(
    private readonly csms: Pick<CsmsLink, "start" | "stop">,
    private readonly clock: Clock,
  ) {}

  /** The start of the station itself: no more once somebody has switched. */
  startAfter(milliseconds: number): void {
    if (this.isTouched) return;
    if (milliseconds > 0) this.delayed = this.clock.after(milliseconds, () => this.csms.start());
    else this.csms.start();
  }

  start(): void {
    this.touch();
    this.csms.start();
  }

  stop(reason: string): void {
    this.touch();
    this.csms.stop(reason);
  }

  private touch(): void {
    this.isTouched = true;
    this.delayed?.cancel();
  }
}
