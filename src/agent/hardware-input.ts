import * as v from "valibot";
import { toChargingNeeds } from "../bridge/charging-needs.ts";
import {
  BareCertificateRequest,
  communicatorOf,
  toContractCertificateRequest,
} from "../bridge/contract-certificates.ts";
import type { HardwareCapabilities } from "../bridge/device-model-components.ts";
import { toHardwareError } from "../bridge/errors.ts";
import { toMeterReading } from "../bridge/meter-reading.ts";
import { toReservationUpdate } from "../bridge/reservation.ts";
import { toEvseEvent } from "../bridge/session-event.ts";
import { toEnergyTransferModes, toVehicleInformation, toVehicleReadings } from "../bridge/vehicle.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import {
  type EvseManagerSessionEvent,
  type Iso15118ChargingNeeds,
  type Iso15118RequestExiStreamSchema,
  SystemFirmwareUpdateStatusEnumWords,
  SystemLogStatusEnumWords,
} from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import { Emitter } from "../lib/events.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type { Logger } from "../log/logger.ts";
import { ToldOnce } from "../log/told-once.ts";
import type { HardwareEvents } from "../station/ports.ts";
import { type Extension, extensionsByEvse } from "./extensions.ts";

/** What a session event needs at least: that it happened, and when, counts more than what came along with it. */
const BareSessionEvent = v.object({
  event: v.string(),
  uuid: v.optional(v.string(), ""),
  timestamp: v.optional(v.string(), ""),
  connector_id: v.exactOptional(v.number()),
}) as v.GenericSchema<unknown, EvseManagerSessionEvent>;

/** So many inputs may wait for the start of the station; readings give way first. */
const WAITING_LIMIT = 5_000;

/** EVerest's word for no request is a negative number. */
function requestOf(requestId: number): { requestId?: number } {
  return requestId >= 0 && isOcppInteger(requestId) ? { requestId } : {};
}

/**
 * What the hardware side reports, in one queue: everything that arrives before the station runs is replayed in order,
 * then the switch to immediate delivery happens at once (BEHAVIOUR 24, 3).
 */
export class HardwareInput {
  readonly events = new Emitter<HardwareEvents>();
  readonly extensions: readonly Extension[];
  private waiting: (() => void)[] | undefined = [];
  private readonly readyEvses = new Set<number>();
  private readonly reportedReady = new Set<number>();
  private readonly capabilities = new Map<number, HardwareCapabilities>();
  private readonly oddities: ToldOnce;
  private readonly stateOfCharge = new Map<number, number>();
  private readyListener: () => void = () => {};

  constructor(
    private readonly module: EverestModule,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly errorCodes: ReadonlyMap<string, string>,
  ) {
    this.extensions = extensionsByEvse(module, logger);
    this.oddities = new ToldOnce(logger);
  }

  /** Subscribes everything; to be called before the module reports ready. */
  subscribe(): void {
    const { module } = this;
    module.peers("evse_manager", "evse_manager").forEach((peer, index) => {
      const evseId = index + 1;
      const takeSessionEvent = (event: EvseManagerSessionEvent): void => {
        const warn = (message: string): void => this.logger.warn(`EVSE ${evseId}, ${event.event}: ${message}`);
        const translated = toEvseEvent(evseId, event, this.clock.now(), this.stateOfCharge.get(evseId), warn);
        if (event.event === "SessionFinished") this.stateOfCharge.delete(evseId);
        if (translated !== undefined) this.pass(() => this.events.emit("evse", translated));
      };
      peer.onVariable("session_event", takeSessionEvent, BareSessionEvent);
      peer.onVariable("powermeter", (meter) => {
        const reading = toMeterReading(meter, this.clock.now(), {
          stateOfChargePercent: this.stateOfCharge.get(evseId),
        });
        this.pass(() => this.events.emit("meter", { evseId, reading }));
      });
      peer.onVariable("ready", (ready) => this.takeReady(evseId, ready));
      peer.onVariable("waiting_for_external_ready", (waiting) => this.takeWaiting(evseId, waiting));
      peer.onVariable("hw_capabilities", ({ max_phase_count_import, max_current_A_import }) => {
        this.capabilities.set(evseId, {
          maxPhaseCount: max_phase_count_import,
          maxCurrentAmperes: max_current_A_import,
        });
        this.pass(() =>
          this.events.emit("capabilities", {
            evseId,
            maxPhaseCount: max_phase_count_import,
            maxCurrentAmperes: max_current_A_import,
          }),
        );
      });
      peer.onVariable("ev_info", (info) => {
        const { soc, evcc_id } = info;
        if (soc !== undefined) this.stateOfCharge.set(evseId, soc);
        this.pass(() =>
          this.events.emit("evInfo", {
            evseId,
            ...(soc !== undefined && { stateOfChargePercent: soc }),
            ...(evcc_id !== undefined && { vehicleId: evcc_id }),
            ...toVehicleReadings(info, this.clock.now()),
          }),
        );
      });
      peer.onVariable("supported_energy_transfer_modes", (modes) =>
        this.pass(() => this.events.emit("energyTransferModes", { evseId, modes: toEnergyTransferModes(modes) })),
      );
      peer.onVariable("powermeter_public_key_ocmf", (publicKey) =>
        this.pass(() => this.events.emit("publicKey", { evseId, publicKey })),
      );
    });
    for (const { peer, evseId } of this.extensions) {
      peer.onVariable("ev_info", (information) =>
        this.pass(() => this.events.emit("evInfo", { evseId, ...toVehicleInformation(information) })),
      );
      peer.onVariable("charging_needs", (needs) => this.takeNeeds(evseId, needs));
      peer.onVariable("service_renegotiation_supported", (supported) =>
        this.pass(() => this.events.emit("serviceRenegotiation", { evseId, supported })),
      );
    }
    this.subscribeCertificateRequests();
    for (const reservation of module.peers("reservation", "reservation"))
      reservation.onVariable("reservation_update", (update) => {
        const translated = toReservationUpdate(update);
        if (translated !== undefined) this.pass(() => this.events.emit("reservation", translated));
      });
    for (const security of module.peers("security", "evse_security"))
      security.onVariable("certificate_store_update", ({ leaf_certificate_type: leaf, ca_certificate_type: ca }) =>
        this.pass(() =>
          this.events.emit("certificateStore", {
            ...(leaf !== undefined && { leaf }),
            ...(ca !== undefined && { ca }),
          }),
        ),
      );
    for (const system of module.peers("system", "system")) {
      system.onVariable("firmware_update_status", (status) => {
        const { firmware_update_status: state, request_id, firmware_update_metadata: metadata } = status;
        if (!this.isKnown(SystemFirmwareUpdateStatusEnumWords, state, "firmware_update_status")) return;
        const servesMeanwhile = metadata?.disable_connectors_during_install === false && { servesMeanwhile: true };
        this.pass(() => this.events.emit("firmwareStatus", { state, ...requestOf(request_id), ...servesMeanwhile }));
      });
      system.onVariable("log_status", ({ log_status: state, request_id }) => {
        if (!this.isKnown(SystemLogStatusEnumWords, state, "log_status")) return;
        this.pass(() => this.events.emit("logStatus", { state, ...requestOf(request_id) }));
      });
    }
    const evseOf = this.evseByModule();
    module.onError((error) => {
      const { clock, errorCodes } = this;
      const translated = toHardwareError(error, clock.now(), (moduleId) => evseOf.get(moduleId), errorCodes);
      this.pass(() => this.events.emit("error", translated));
    });
  }

  /** Also of extensions that belong to no EVSE: the answer goes where the request came from. */
  private subscribeCertificateRequests(): void {
    for (const peer of this.module.peers("extensions_15118", "iso15118_extensions")) {
      const communicator = communicatorOf(peer.connected);
      const evseId = this.extensions.find(
        (extension) => communicatorOf(extension.peer.connected) === communicator,
      )?.evseId;
      const take = (value: Iso15118RequestExiStreamSchema): void => {
        const request = {
          ...toContractCertificateRequest(value),
          communicator,
          ...(evseId !== undefined && { evseId }),
          heardAtMilliseconds: this.clock.monotonicMilliseconds(),
        };
        this.pass(() => this.events.emit("contractCertificate", request));
      };
      peer.onVariable("iso15118_certificate_request", take, BareCertificateRequest);
    }
  }

  capabilitiesOf(evseId: number): HardwareCapabilities {
    return this.capabilities.get(evseId) ?? {};
  }

  /**
   * Resolves when every EVSE has reported; says from time to time who is missing. An EVSE that answers one of `questions`
   * counts as well: stand-alone it may have reported long before.
   */
  async allEvsesReady(count: number, questions: readonly (() => Promise<unknown>)[] = []): Promise<void> {
    while (this.readyEvses.size < count) {
      for (const [index, ask] of questions.entries())
        if (!this.readyEvses.has(index + 1))
          ask().then(
            () => this.markReady(index + 1, true),
            () => {},
          );
      await new Promise<void>((resolve) => {
        const timer = this.clock.after(10_000, () => {
          const missing = Array.from({ length: count }, (_, index) => index + 1).filter(
            (id) => !this.readyEvses.has(id),
          );
          this.logger.warn(`Still waiting for EVSE ${missing.join(", ")} to report ready`);
          resolve();
        });
        this.readyListener = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }

  /** Replays what has waited and passes everything on from now. */
  release(): void {
    for (let next = this.waiting?.shift(); next !== undefined; next = this.waiting?.shift()) {
      try {
        next();
      } catch (error) {
        this.logger.critical(`What was reported before the start could not be taken: ${(error as Error).message}`);
      }
    }
    this.waiting = undefined;
  }

  /** What the station cannot tell the CSMS changes nothing (K15.FR.06). */
  private takeNeeds(evseId: number, all: Iso15118ChargingNeeds): void {
    const read = toChargingNeeds(all);
    const name = `charging_needs of the EV at EVSE ${evseId}`;
    if ("defect" in read) return this.oddities.warn(`${name} are not told: ${read.defect}`);
    for (const what of read.leftOut) this.oddities.warn(`${name} are told without ${what}`);
    this.pass(() => this.events.emit("chargingNeeds", { evseId, needs: read.needs }));
  }

  /** A status that OCPP has no word for cannot be told, and nobody knows what it would mean for the update. */
  private isKnown(words: ReadonlySet<string>, word: string, variable: string): boolean {
    if (words.has(word)) return true;
    this.logger.warn(`${variable} ${JSON.stringify(word)} is passed over: nobody knows the word`);
    return false;
  }

  private evseByModule(): ReadonlyMap<string, number> {
    return new Map(
      this.module.peers("evse_manager", "evse_manager").map(({ connected }, index) => [connected.moduleId, index + 1]),
    );
  }

  /** Each EVSE reports ready once, unless it was restarted. */
  private takeReady(evseId: number, ready: boolean): void {
    this.markReady(evseId, ready);
    if (!ready) return;
    if (this.reportedReady.has(evseId)) this.pass(() => this.events.emit("evseRestarted", { evseId }));
    this.reportedReady.add(evseId);
  }

  /** It waits for our word before it reports ready; when the station runs already, it was restarted. */
  private takeWaiting(evseId: number, waiting: boolean): void {
    this.markReady(evseId, waiting);
    if (!waiting || this.waiting !== undefined) return;
    this.reportedReady.delete(evseId);
    this.events.emit("evseRestarted", { evseId });
  }

  private markReady(evseId: number, ready: boolean): void {
    if (!ready) return;
    this.readyEvses.add(evseId);
    this.readyListener();
  }

  private pass(deliver: () => void): void {
    if (this.waiting === undefined) return deliver();
    if (this.waiting.length >= WAITING_LIMIT) {
      this.logger.error("Too many inputs before the start; the oldest is dropped");
      this.waiting.shift();
    }
    this.waiting.push(deliver);
  }
}
