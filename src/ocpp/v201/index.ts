/** OCPP 2.0.1 as data: the types and schemas of all 64 actions. */
export * from "./generated/index.ts";
