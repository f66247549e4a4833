import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  AttributeDefinition,
  ComponentDefinition,
  VariableDefinition,
} from "../../src/device-model/definitions.ts";
import { type DeviceModel, openDeviceModel } from "../../src/device-model/device-model.ts";
import { createLineLogger } from "../../src/log/logger.ts";
import { FakeClock } from "./fake-clock.ts";

export function variable(
  name: string,
  value: string | undefined,
  rest: Partial<VariableDefinition["characteristics"]> &
    Partial<Omit<AttributeDefinition, "value">> & { instance?: string } = {},
): VariableDefinition {
  const { type = "Actual", mutability = "ReadWrite", persistent, constant, instance, ...characteristics } = rest;
  return {
    name,
    ...(instance !== undefined && { instance }),
    characteristics: { dataType: "string", supportsMonitoring: false, ...characteristics },
    attributes: [
      {
        type,
        mutability,
        ...(persistent !== undefined && { persistent }),
        ...(constant !== undefined && { constant }),
        ...(value !== undefined && { value }),
      },
    ],
  };
}

/** A device model of its own in a file of its own, which can be opened again as after a restart. */
export class TestDeviceModel {
  readonly directory = mkdtempSync(join(tmpdir(), "device-model-"));
  readonly log: string[] = [];
  model!: DeviceModel;

  open(components: readonly ComponentDefinition[]): DeviceModel {
    this.model = openDeviceModel({
      path: join(this.directory, "device_model.db"),
      components,
      clock: new FakeClock(),
      logger: createLineLogger({
        processName: "test",
        minimumSeverity: "info",
        now: () => new Date(0),
        write: (line) => this.log.push(line),
      }),
    }).deviceModel;
    return this.model;
  }

  reopen(components: readonly ComponentDefinition[]): DeviceModel {
    this.model.close();
    return this.open(components);
  }

  dispose(): void {
    this.model.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
