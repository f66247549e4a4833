import { createCertificateRenewalBlock } from "./a-security/certificate-renewal.ts";
import { createCredentialsBlock } from "./a-security/credentials.ts";
import { createSecurityEventsBlock } from "./a-security/security-events.ts";
import { createBootBlock } from "./b-provisioning/boot.ts";
import { createClockSynchronizationBlock } from "./b-provisioning/clock-synchronization.ts";
import { createLocalTimeBlock } from "./b-provisioning/local-time.ts";
import { createNetworkProfilesBlock } from "./b-provisioning/network-profiles.ts";
import { createReportsBlock } from "./b-provisioning/reports.ts";
import { createResetBlock } from "./b-provisioning/reset.ts";
import { createVariablesBlock } from "./b-provisioning/variables.ts";
import { createAuthorizationBlock } from "./c-authorization/authorization.ts";
import type { Block, StationContext } from "./context.ts";
import { createLocalListBlock } from "./d-local-list/local-list.ts";
import { createTransactionsBlock } from "./e-transactions/transactions.ts";
import { createRemoteStartBlock } from "./f-remote-control/remote-start.ts";
import { createRemoteStopBlock } from "./f-remote-control/remote-stop.ts";
import { createTriggerMessageBlock } from "./f-remote-control/trigger-message.ts";
import { createUnlockConnectorBlock } from "./f-remote-control/unlock-connector.ts";
import { createChangeAvailabilityBlock } from "./g-availability/change-availability.ts";
import { createConnectorReleaseBlock, createConnectorStatusBlock } from "./g-availability/connector-status.ts";
import { createFaultEventsBlock } from "./g-availability/fault-events.ts";
import { createHeartbeatBlock } from "./g-availability/heartbeat.ts";
import { createReservedEvsesBlock } from "./g-availability/reserved-evses.ts";
import { createRunningCostBlock } from "./i-tariff-and-cost/running-cost.ts";
import { createMeteringBlock } from "./j-metering/metering.ts";
import { createDefaultSchedulesBlock } from "./k-smart-charging/default-schedules.ts";
import { createFirmwareBlock } from "./l-firmware/firmware.ts";
import { createCertificatesBlock } from "./m-certificates/certificates.ts";
import { createCustomerInformationBlock } from "./n-diagnostics/customer-information.ts";
import { createLogsBlock } from "./n-diagnostics/logs.ts";
import { createDataTransferBlock } from "./p-data-transfer/data-transfer.ts";

/**
 * In order of start: who hears of an event of the hardware side first decides first. The meter's reading is there
 * before the transaction that wants it, and a plugged cable is told before the transaction that it starts.
 */
const BLOCKS: readonly ((context: StationContext) => Block)[] = [
  createSecurityEventsBlock,
  createConnectorStatusBlock,
  createReservedEvsesBlock,
  createChangeAvailabilityBlock,
  createFaultEventsBlock,
  createMeteringBlock,
  createTransactionsBlock,
  createConnectorReleaseBlock,
  createRunningCostBlock,
  createAuthorizationBlock,
  createLocalListBlock,
  createRemoteStartBlock,
  createRemoteStopBlock,
  createTriggerMessageBlock,
  createUnlockConnectorBlock,
  createDefaultSchedulesBlock,
  createFirmwareBlock,
  createLogsBlock,
  createCertificatesBlock,
  createCertificateRenewalBlock,
  createCredentialsBlock,
  createCustomerInformationBlock,
  createDataTransferBlock,
  createVariablesBlock,
  createReportsBlock,
  createNetworkProfilesBlock,
  createResetBlock,
  createClockSynchronizationBlock,
  createLocalTimeBlock,
  createHeartbeatBlock,
  createBootBlock,
];

export interface Station {
  start(): Promise<void>;
  stop(): void;
}

/** The charging station of the specification: all functional blocks on one context. */
export function createStation(context: StationContext): Station {
  const blocks = BLOCKS.map((create) => create(context));
  return {
    async start() {
      for (const block of blocks) await block.start();
    },
    stop() {
      for (const block of [...blocks].reverse()) block.stop();
    },
  };
}
