import t from 'tap'
import { findViolations } from './checker.ts'
import type { FoundRecord, Inventory } from './inventory.ts'
import type { Answer, Ledger, LedgerEntry, LedgerFile } from './ledger.ts'

const file: LedgerFile = {
  filename: 'a.txt',
  size: 3,
  sha256: 'digest',
  md5: 'md5',
  due: { status: 'processed', sha256: 'due' },
}
const badFile: LedgerFile = { ...file, filename: 'b.txt', due: { status: 'failed', code: 'REFUSED' } }
const KEY = 'uploads/me/id-1/a.txt'
const RESULT = 'processed/me/id-1/a.txt'
const accepted: Answer = { outcome: 'accepted', uploadIds: ['id-1'] }
const unknown: Answer = { outcome: 'unknown', why: 'no answer' }
const refused: Answer = { outcome: 'refused', why: '503' }

const done: FoundRecord = {
  owner: 'me',
  uploadId: 'id-1',
  status: 'processed',
  key: KEY,
  filename: 'a.txt',
  size: 3,
  sha256: 'digest',
  processedKey: RESULT,
  isMarked: false,
}
const { processedKey: _key, ...queued }: FoundRecord = { ...done, status: 'queued' }
const source = { key: KEY, size: 3, etag: 'md5' }
const result = { key: RESULT, sha256: 'due', uploadId: 'id-1' }

const events = [{ uploadId: 'id-1', sequenceNumber: '1' }]

const entry = (change: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ n: 0, owner: 'me', format: 'json', files: [file], answer: accepted, deletions: {} },
  ...change,
})
const ledger = (change: Partial<LedgerEntry> = {}): Ledger => ({ seed: 1, entries: [entry(change)], exits: [] })
const whole: Inventory = { records: [done], sources: [source], results: [result], letters: [], undelivered: [], events }
const nothing: Inventory = { records: [], sources: [], results: [], letters: [], undelivered: [], events: [] }

const failedRecord: FoundRecord = {
  ...{ ...queued, filename: 'b.txt', key: 'uploads/me/id-1/b.txt' },
  ...{ status: 'failed', failureCode: 'REFUSED' },
}
const letter = { key: 'dead-letters/1', uploadId: 'id-1', code: 'REFUSED' }
const failed: Inventory = {
  ...{ ...whole, results: [], records: [failedRecord], letters: [letter] },
  sources: [{ ...source, key: 'uploads/me/id-1/b.txt' }],
}

const tombstone: FoundRecord = { owner: 'me', uploadId: 'id-1', status: 'deleted', isMarked: false }
const deleted: Inventory = { ...nothing, records: [tombstone], events }

const look = (given: Ledger, inventory: Inventory, orphans: 'allowed' | 'swept' = 'swept') =>
  findViolations(given, inventory, { orphans })

t.test('the checker accepts a correct run', async t => {
  t.same(look(ledger(), whole), [], 'processed')
  t.same(look(ledger({ files: [badFile] }), failed), [], 'failed as it has to')
  t.same(look(ledger({ deletions: { 'id-1': 'deleted' } }), deleted), [], 'deleted')
  t.same(look(ledger({ deletions: { 'id-1': 'unknown' } }), whole), [], 'a deletion without an answer that was none')
  t.same(look(ledger({ deletions: { 'id-1': 'unknown' } }), deleted), [], 'a deletion without an answer that was one')
  t.same(look(ledger({ answer: refused }), nothing), [], 'refused')
  t.same(look(ledger({ answer: unknown }), nothing), [], 'unanswered and nothing')
  t.same(look(ledger({ answer: unknown }), whole), [], 'unanswered and processed')
  t.same(
    look(ledger({ answer: unknown, format: 'tus' }), { ...nothing, records: [{ ...queued, status: 'pending' }] }),
    [],
  )
})

t.test('the checker finds a lost accepted upload', async t => {
  t.match(look(ledger(), nothing), [/accepted as id-1, and there is no record/])
  t.match(look(ledger(), { ...whole, records: [{ ...done, owner: 'you' }] }), [/of another owner/])
  t.match(look(ledger({ answer: { outcome: 'accepted', uploadIds: [] } }), whole), [/the ids of none/])
  t.match(look(ledger({ lookedUp: 404 }), whole), [/not to be found/])
  t.match(look(ledger({ deletions: { 'id-1': 'not found' } }), whole), [/its deletion found nothing/])
})

t.test('the checker finds an upload that is neither processed nor failed, with orphans allowed or not', async t => {
  const inventory = { ...whole, results: [] }
  for (const status of ['stored', 'queued', 'processing', 'pending']) {
    t.match(look(ledger(), { ...inventory, records: [{ ...queued, status }] }, 'allowed'), [/in between|is pending/])
  }
  t.match(look(ledger(), { ...whole, records: [{ ...done, isMarked: true }] }), [/in the outbox still/])
})

t.test('the checker finds wrong bytes in sources and outputs', async t => {
  t.match(look(ledger(), { ...whole, results: [{ ...result, sha256: 'other' }] }), [/processed object .* wrong bytes/])
  t.match(look(ledger(), { ...whole, results: [{ ...result, uploadId: 'id-2' }] }), [/says it is of id-2/])
  t.match(look(ledger(), { ...whole, results: [] }), [/processed object .* is not there/])
  t.match(look(ledger(), { ...whole, records: [{ ...done, processedKey: 'x' }] }), [/its processed object is x/])
  const further = { ...result, key: 'processed/outputs/uploads/me/id-1/a.txt/table.json' }
  const withFurtherKeys = { ...whole, records: [{ ...done, furtherKeys: [further.key] }] }
  t.same(look(ledger(), { ...withFurtherKeys, results: [result, further] }), [], 'a further output')
  t.match(look(ledger(), withFurtherKeys), [/the output .*table\.json of .* is not there/])
  t.match(look(ledger(), { ...whole, results: [result, further] }), [/table\.json belongs to no processed upload/])
  t.match(look(ledger(), { ...whole, sources: [{ ...source, etag: 'other' }] }), [/object .* has other bytes/])
  t.match(look(ledger(), { ...whole, sources: [{ ...source, size: 2 }] }), [/has 2 bytes and not 3/])
  t.match(look(ledger(), { ...whole, sources: [] }), [/the object of a.txt \(id-1\) is gone/])
  t.match(look(ledger(), { ...whole, records: [{ ...done, sha256: 'other' }] }), [/record .* is of other bytes/])
})

t.test('the checker finds a wrong final status', async t => {
  const files = [badFile]
  t.match(look(ledger(), { ...whole, results: [], records: [{ ...queued, status: 'failed', failureCode: 'X' }] }), [
    /has to be processed and failed with X/,
  ])
  t.match(look(ledger({ files }), { ...failed, records: [{ ...failedRecord, failureCode: 'X' }] }), [/failed with X/])
  t.match(look(ledger({ files }), { ...failed, letters: [] }), [/has no dead letter/])
  t.match(look(ledger({ files }), { ...failed, letters: [], records: [{ ...failedRecord, status: 'processed' }] }), [
    /has to fail with REFUSED and is processed/,
  ])
})

t.test('the checker finds a rejected upload that was stored', async t => {
  t.match(look(ledger({ answer: refused }), whole), [/was refused \(503\) and is recorded as id-1/])
})

t.test('the checker finds an upload that was stored twice', async t => {
  const duplicate = { ...done, uploadId: 'id-2', key: 'uploads/me/id-2/a.txt', processedKey: 'processed/me/id-2/a.txt' }
  const twice: Inventory = {
    ...{ ...whole, records: [done, duplicate] },
    sources: [source, { ...source, key: duplicate.key }],
    results: [result, { ...result, key: duplicate.processedKey, uploadId: 'id-2' }],
  }
  for (const answer of [accepted, unknown]) t.match(look(ledger({ answer }), twice), [/is recorded 2 times/])
})

t.test('the checker finds data left by a deletion', async t => {
  const afterDeletion = ledger({ deletions: { 'id-1': 'deleted' } })
  t.match(look(afterDeletion, whole), [/was deleted and is there, as processed/])
  t.match(look(afterDeletion, { ...deleted, sources: [source] }), [/the object uploads.* belongs to no upload/])
  t.match(look(afterDeletion, { ...deleted, results: [result] }), [
    /the processed object .* belongs to no processed upload/,
  ])
  t.match(look(afterDeletion, { ...deleted, records: [{ ...tombstone, key: KEY }] }), [/was never finished/])
})

t.test('the checker accepts a tombstone of a deletion or of the sweep, but not of an accepted upload', async t => {
  t.same(look(ledger({ answer: unknown }), { ...nothing, records: [tombstone] }, 'swept'), [])
  t.match(look(ledger(), deleted, 'swept'), [/which is deleted, and nobody has asked for that/])
})

t.test('the checker finds records and objects that no client created', async t => {
  const empty: Ledger = { seed: 1, entries: [], exits: [] }
  t.match(look(empty, { ...nothing, records: [done] }), [/nobody has made or deleted the record me\/id-1/])
  t.match(look(empty, { ...nothing, records: [tombstone] }, 'allowed'), [/nobody has made or deleted/])
  t.match(look(empty, { ...nothing, sources: [source] }, 'allowed'), [/belongs to no upload/])
  t.match(look(empty, { ...nothing, results: [result] }, 'allowed'), [/belongs to no processed upload/])
  t.match(look(empty, { ...nothing, letters: [letter] }), [/of no upload that failed/])
  t.match(look(ledger(), { ...whole, letters: [letter] }), [/of no upload that failed/])
})

t.test('orphans of an unsuccessful request are violations only if the sweep ran', async t => {
  const object: Inventory = { ...nothing, sources: [source] }
  const record: Inventory = { ...object, records: [queued] }
  for (const inventory of [object, record]) {
    t.same(look(ledger({ answer: unknown }), inventory, 'allowed'), [])
    t.equal(look(ledger({ answer: unknown }), inventory, 'swept').length, 1)
  }
  t.same(look(ledger({ answer: refused }), object, 'allowed'), [])
  const twice = { ...whole, sources: [source, { ...source, key: 'uploads/me/id-2/a.txt' }] }
  t.same(look(ledger({ attempts: 2 }), twice, 'allowed'), [], 'of an attempt before')
  t.equal(look(ledger({ attempts: 2 }), twice, 'swept').length, 1)
  const tail = { ...whole, sources: [source, { ...source, key: 'tails/me/id-1/7' }] }
  t.same(look(ledger(), tail, 'allowed'), [], 'of a tus upload')
  t.equal(look(ledger(), tail, 'swept').length, 1)
  const published: Inventory = { ...record, events }
  t.match(
    look(ledger({ answer: unknown }), published, 'allowed'),
    [/left in between, as queued/],
    'its event was there',
  )
  t.match(look(ledger(), twice, 'allowed'), [/belongs to no upload/])
})

t.test('the checker finds processes that ended with an error, but not those that could not start', async t => {
  const exits = (change: object): Ledger => ({
    ...ledger(),
    exits: [{ process: 'worker 1', asked: 'SIGTERM', code: 0, signal: null, served: true, ...change }],
  })
  t.same(look(exits({}), whole), [])
  t.match(look(exits({ code: 1 }), whole), [/worker 1 was asked to stop and ended with code 1/])
  t.match(look(exits({ asked: 'nothing', code: 1 }), whole), [/ended by itself with code 1/])
  t.same(look(exits({ asked: 'nothing', code: 1, served: false }), whole), [])
})
