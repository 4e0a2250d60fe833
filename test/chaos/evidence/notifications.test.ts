import t from 'tap'
import { notificationId } from '../../../services/uploads/notifications/owed.ts'
import type { FoundRecord } from './inventory.ts'
import type { Arrival, Ledger } from './ledger.ts'
import { findNotificationViolations, type NotificationInventory, type Stage } from './notifications.ts'

const key = { owner: 'me', uploadId: 'id-1' }
const idOf = (type: 'upload.processed' | 'upload.failed', sequenceNumber: string) =>
  notificationId(key, type, { sequenceNumber })
const [FIRST, SECOND] = [idOf('upload.processed', '9'), idOf('upload.processed', '10')]

const record: FoundRecord = { ...key, status: 'processed', filename: 'a.txt', isMarked: false }
const event = { uploadId: 'id-1', sequenceNumber: '9' }
const letter = { key: 'dead-letters/notifications/dead/1', receiver: 'dead', id: FIRST }
const inventory = (change: Partial<NotificationInventory> = {}): NotificationInventory => ({
  ...{ records: [record], events: [event], undelivered: [letter] },
  ...change,
})

const arrival = (change: Partial<Arrival> = {}): Arrival => ({
  ...{ receiver: 'well', id: FIRST, type: 'upload.processed', ...key, status: 'processed', filename: 'a.txt' },
  ...{ outputKeys: ['processed/me/id-1/a.txt'], isSigned: true, isAccepted: true },
  ...change,
})
const ledger = (...arrivals: Arrival[]): Ledger => ({
  seed: 1,
  entries: [
    {
      ...{ n: 0, owner: 'me', format: 'json', answer: { outcome: 'accepted', uploadIds: ['id-1'] }, deletions: {} },
      files: [
        { filename: 'a.txt', size: 3, sha256: 'digest', md5: 'md5', due: { status: 'processed', sha256: 'due' } },
        { filename: 'b.txt', size: 3, sha256: 'digest', md5: 'md5', due: { status: 'failed', code: 'REFUSED' } },
      ],
    },
  ],
  exits: [],
  notifications: {
    receivers: [
      { name: 'well', isHealthy: true },
      { name: 'dead', isHealthy: false },
    ],
    arrivals,
  },
})
const look = (given: Ledger, found: NotificationInventory, stage: Stage = 'later') =>
  findNotificationViolations(given, found, stage)

t.test('the checker accepts notifications that were delivered, given up or are still owed', async t => {
  t.same(look(ledger(arrival()), inventory()), [])
  t.same(look(ledger(arrival(), arrival()), inventory()), [], 'twice, with the same id')
  t.same(look(ledger(arrival({ receiver: 'dead', isAccepted: false }), arrival()), inventory()), [])
  const owing = { ...record, owed: [{ id: FIRST, receivers: ['well', 'dead'] }] }
  t.same(look(ledger(), inventory({ records: [owing], undelivered: [] }), 'stopped'), [])
  const { notifications: _none, ...without } = ledger()
  t.same(look(without, inventory({ undelivered: [] })), [], 'a run without notifications')
})

t.test('the checker finds lost notifications', async t => {
  t.match(look(ledger(), inventory(), 'stopped'), [/is lost: well did not accept it/])
  t.match(look(ledger(arrival({ isAccepted: false })), inventory(), 'stopped'), [/is lost: well/])
  t.match(look(ledger(arrival()), inventory({ undelivered: [] }), 'stopped'), [/is lost: dead/])
  t.match(look(ledger(), inventory()), [/never came to well/])
  const other = {
    ...record,
    owed: [
      { id: SECOND, receivers: ['well'] },
      { id: FIRST, receivers: ['dead'] },
    ],
  }
  t.match(look(ledger(), inventory({ records: [other] }), 'stopped'), [/is lost: well/], 'another one is owed')
  const both = inventory({ events: [event, { ...event, sequenceNumber: '10' }] })
  t.match(look(ledger(arrival()), both, 'stopped'), [/is lost: well/, /is lost: dead/], 'of the second event')
})

t.test('the checker finds notifications that are owed after all retries', async t => {
  const owing = { ...record, owed: [{ id: FIRST, receivers: ['dead'] }] }
  t.match(look(ledger(arrival()), inventory({ records: [owing] })), [/is owed to dead although/])
})

t.test('the checker finds notifications of what did not happen', async t => {
  const failed = { type: 'upload.failed', id: idOf('upload.failed', '9'), status: 'failed', failureCode: 'REFUSED' }
  const { outputKeys: _none, ...wrong } = arrival(failed)
  t.match(look(ledger(arrival(), wrong), inventory()), [/tells of what did not happen/])
  t.match(look(ledger(arrival(), arrival({ id: 'msg_other' })), inventory()), [/tells of what did not happen/])
  t.match(look(ledger(arrival(), arrival({ owner: 'you' })), inventory()), [/tells of what did not happen/])
  t.match(look(ledger(arrival()), inventory({ records: [{ ...record, status: 'queued' }], undelivered: [] })), [
    /tells of what did not happen/,
  ])
  t.match(look(ledger(arrival()), inventory({ undelivered: [letter, { ...letter, id: 'msg_other' }] })), [
    /dead letter .* tells of what did not happen/,
  ])
})

t.test('the checker finds messages with wrong content', async t => {
  t.match(look(ledger(arrival({ isSigned: false })), inventory()), [/no valid signature/])
  t.match(look(ledger(arrival({ filename: 'c.txt' })), inventory()), [/c\.txt, which was not sent/])
  t.match(look(ledger(arrival({ status: 'failed' })), inventory()), [/says failed, and it is processed/])
  t.match(look(ledger(arrival({ filename: 'b.txt' })), inventory()), [/says processed, and it is failed/])
  t.match(look(ledger(arrival({ outputKeys: [] })), inventory()), [/names no output/])
  const failure = { ...arrival(), type: 'upload.failed', id: idOf('upload.failed', '9'), status: 'failed' }
  const ofFailed = inventory({
    records: [{ ...record, status: 'failed' }],
    undelivered: [{ ...letter, id: failure.id }],
  })
  t.same(look(ledger({ ...failure, filename: 'b.txt', failureCode: 'REFUSED' }), ofFailed), [])
  t.match(look(ledger({ ...failure, filename: 'b.txt', failureCode: 'X' }), ofFailed), [/says that it failed with X/])
})

t.test('the checker finds notifications of an upload in the wrong order', async t => {
  const both = inventory({
    events: [event, { ...event, sequenceNumber: '10' }],
    undelivered: [letter, { ...letter, id: SECOND }],
  })
  t.same(look(ledger(arrival(), arrival({ id: SECOND }), arrival()), both), [], 'the first one was repeated')
  t.match(look(ledger(arrival({ id: SECOND }), arrival()), both), [/of id-1 at well came in another order/])
})

t.test('the checker accepts either end of a deleted upload, and finds ends that its content excludes', async t => {
  const deleted = inventory({ records: [{ ...key, status: 'deleted', isMarked: false }] })
  t.same(look(ledger(arrival()), deleted), [])
  t.same(look(ledger(), inventory({ records: deleted.records, undelivered: [] })), [], 'nothing is owed any more')
  const failed = arrival({ type: 'upload.failed', id: idOf('upload.failed', '9'), status: 'failed' })
  t.match(look(ledger(failed), deleted), [/says failed, and it is processed/])
})

t.test('the checker finds a notification that was given up for a healthy receiver', async t => {
  const both = inventory({ undelivered: [letter, { ...letter, receiver: 'well' }] })
  t.match(look(ledger(arrival()), both), [/was given up for well/])
})
