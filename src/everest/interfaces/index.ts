/** EVerest's interfaces as data: types, schemas for receiving, command and error tables. */
export * from "./generated/interfaces.ts";
export type * from "./generated/types.ts";
export { MoneyCurrencyCodeWords } from "./generated/types.ts";
