import type { Emitter } from "../lib/events.ts";
import { certificateRenewal } from "./a-security/certificate-renewal.ts";
import { clientCertificate } from "./a-security/client-certificate.ts";
import { credentials } from "./a-security/credentials.ts";
import { securityEvents } from "./a-security/security-events.ts";
import { type AssembledStation, assemble, type Complete } from "./assembly.ts";
import { boot } from "./b-provisioning/boot.ts";
import { bootReason } from "./b-provisioning/boot-reason.ts";
import { clockSynchronization } from "./b-provisioning/clock-synchronization.ts";
import { localTime } from "./b-provisioning/local-time.ts";
import { networkProfiles } from "./b-provisioning/network-profiles.ts";
import { reports } from "./b-provisioning/reports.ts";
import { reset } from "./b-provisioning/reset.ts";
import { variables } from "./b-provisioning/variables.ts";
import type { AnyBlock } from "./block.ts";
import { authorization } from "./c-authorization/authorization.ts";
import type { StationContext } from "./context.ts";
import { localList } from "./d-local-list/local-list.ts";
import { transactions } from "./e-transactions/transactions.ts";
import type { StationEvents } from "./events.ts";
import { remoteStart } from "./f-remote-control/remote-start.ts";
import { remoteStop } from "./f-remote-control/remote-stop.ts";
import { triggerMessage } from "./f-remote-control/trigger-message.ts";
import { unlockConnector } from "./f-remote-control/unlock-connector.ts";
import { changeAvailability } from "./g-availability/change-availability.ts";
import { connectorRelease } from "./g-availability/connector-release.ts";
import { connectorStatus } from "./g-availability/connector-status.ts";
import { faultEvents } from "./g-availability/fault-events.ts";
import { heartbeat } from "./g-availability/heartbeat.ts";
import { reservations } from "./h-reservation/reservations.ts";
import { runningCost } from "./i-tariff-and-cost/running-cost.ts";
import { tariffInformation } from "./i-tariff-and-cost/tariff-information.ts";
import { metering } from "./j-metering/metering.ts";
import { smartCharging } from "./k-smart-charging/smart-charging.ts";
import { firmware } from "./l-firmware/firmware.ts";
import { certificates } from "./m-certificates/certificates.ts";
import { contractCertificates } from "./m-certificates/contract-certificates.ts";
import { ocspStatus } from "./m-certificates/ocsp-status.ts";
import { customerInformation } from "./n-diagnostics/customer-information.ts";
import { eventStream } from "./n-diagnostics/event-stream.ts";
import { logs } from "./n-diagnostics/logs.ts";
import { monitoring } from "./n-diagnostics/monitoring.ts";
import { displayMessages } from "./o-display-messages/display-messages.ts";
import { dataTransfer } from "./p-data-transfer/data-transfer.ts";
import type { HardwareEvents } from "./ports.ts";

/** A list that does not provide each service just once does not compile here. */
function complete<const Blocks extends readonly AnyBlock[]>(blocks: Blocks & Complete<Blocks>): Blocks {
  return blocks;
}

/** All blocks. They are created and started in the order of their needs, which this list only settles further. */
export const BLOCKS = complete([
  securityEvents,
  clientCertificate,
  certificateRenewal,
  credentials,
  bootReason,
  clockSynchronization,
  localTime,
  networkProfiles,
  variables,
  reports,
  connectorStatus,
  reservations,
  authorization,
  localList,
  changeAvailability,
  eventStream,
  faultEvents,
  transactions,
  metering,
  connectorRelease,
  tariffInformation,
  runningCost,
  remoteStart,
  remoteStop,
  triggerMessage,
  unlockConnector,
  smartCharging,
  firmware,
  logs,
  monitoring,
  certificates,
  contractCertificates,
  ocspStatus,
  customerInformation,
  displayMessages,
  dataTransfer,
  reset,
  heartbeat,
  boot,
]);

/** The station with all its blocks, which hear of the hardware side and of each other through these emitters. */
export function createStation(
  context: StationContext,
  hardware: Emitter<HardwareEvents>,
  station: Emitter<StationEvents>,
  blocks: readonly AnyBlock[] = BLOCKS,
): AssembledStation {
  return assemble(blocks, context, { hardware, station, link: context.csms.events });
}
