import type { FieldCase } from '../field-case.ts'

export type Rows = readonly Readonly<Record<string, string>>[]

const send = (body: string | Uint8Array, contentType: string) => ({ filename: 'table.csv', contentType, body })

/** A CSV and its rows. `table` is the expected report on how it was read. */
export function table(what: string, body: string | Uint8Array, rows: Rows, table: object = {}): FieldCase {
  return { what, send: send(body, 'text/csv'), expected: { rows, outputs: { 'table.json': table } } }
}

/** A CSV with rows that cannot be read. */
export function partlyBad(what: string, body: string, rows: Rows, badRows: object): FieldCase {
  return { what, send: send(body, 'text/csv'), expected: { rows, outputs: { 'bad-rows.json': badRows } } }
}

/** A CSV with another content type. */
export function typed(what: string, contentType: string, body: string | Uint8Array, rows: Rows): FieldCase {
  return { what, send: send(body, contentType), expected: { rows } }
}

export function refusedTable(what: string, body: string, failed: RegExp): FieldCase {
  return { what, send: send(body, 'text/csv'), expected: { failed } }
}
