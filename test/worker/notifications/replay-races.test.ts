import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { notificationOf } from '../../../services/uploads/notifications/message.ts'
import { createNotificationStore } from '../../../services/uploads/notifications/notification-store.ts'
import { dueTime, type NewNotification } from '../../../services/uploads/notifications/owed.ts'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { createAfterAttempt } from '../../../services/worker/notifications/after-attempt.ts'
import { createNotificationDeadLetters } from '../../../services/worker/notifications/dead-letters.ts'
import { startAws } from '../../support/aws.ts'
import { createMemoryLog } from '../memory-log.ts'
import { uploadRecord } from '../pipeline.ts'

const aws = await startAws(t, { shards: 1 })
const { s3, dynamodb } = aws
const uploads = createUploadStore({ dynamodb, table: names.uploadsTable })
const store = createNotificationStore({ dynamodb, table: names.uploadsTable })
const deadLetters = createNotificationDeadLetters({ s3, bucket: names.processedBucket })

const notification = (destination: string): NewNotification => ({
  id: 'msg_one',
  type: 'upload.processed',
  sequenceNumber: '4959',
  at: Date.now(),
  destinations: [destination],
  dueAt: dueTime(Date.now()),
})

async function processed(owner: string) {
  const record = uploadRecord({ owner, status: 'processed' })
  await uploads.create(record)
  return record
}

async function claim(record: { owner: string; uploadId: string }) {
  const owing = (await Array.fromAsync(store.allOwing())).find(({ uploadId }) => uploadId === record.uploadId)
  const claimed = owing && (await store.claim(owing, dueTime(Date.now() + 60_000)))
  if (!claimed) throw new Error('The upload owes nothing.')
  return claimed
}

t.test('a relay that settles an earlier attempt does not remove what was owed again meanwhile', async t => {
  const record = await processed('ann')
  await store.oweAgain(record, notification('crm'))
  await store.oweAgain(record, notification('slow'))
  const claimed = await claim(record)
  // It gives `crm` up, and waits for `slow`. An operator replays the dead letter.
  t.ok(await store.oweAgain(record, notification('crm')))
  const slow = claimed.owed.map(owed => ({ ...owed, pending: new Map([...owed.pending].slice(1)) }))
  await store.settle(claimed, { before: claimed.owed, after: slow, nextAt: dueTime(Date.now()) })
  const [owed] = (await store.read(record))?.owed ?? []
  t.strictSame([...(owed?.pending.keys() ?? [])].sort(), ['crm', 'slow'])
})

t.test('a notification that is given up again after a replay has a dead letter of its own', async t => {
  const record = await processed('bob')
  await store.oweAgain(record, notification('crm'))
  const { log } = createMemoryLog()
  const afterAttempt = createAfterAttempt({
    ...{ deadLetters, log, now: Date.now, random: () => 0.5 },
    counts: { deadLettered: () => undefined },
  })
  const gone = { result: 'failed', failure: 'gone', message: 'It answered 410.', retryAfterMs: undefined } as const
  for (const _attempt of ['first', 'after the replay']) {
    const [owed] = (await store.read(record))?.owed ?? []
    if (!owed) throw new Error('The upload owes nothing.')
    t.equal(await afterAttempt({ record, notification: owed, destination: 'crm' }, gone), undefined)
    t.equal(
      await afterAttempt({ record, notification: owed, destination: 'crm' }, gone),
      undefined,
      'again after a crash',
    )
    t.ok(await store.oweAgain(record, { ...notification('crm'), dueAt: dueTime(Date.now() + 5_000) }))
  }
  const keys = await Array.fromAsync(deadLetters.keys('crm'))
  t.equal(keys.length, 2)
  t.match(await deadLetters.get(keys[0] ?? ''), {
    letter: { notification: { id: notificationOf(record, { ...notification('crm') }).id } },
  })
})

t.test('replays for two destinations at the same time are both owed', async t => {
  const record = await processed('cid')
  const both = await Promise.all(['one', 'two', 'three'].map(name => store.oweAgain(record, notification(name))))
  t.strictSame(both, [true, true, true])
  const [owed] = (await store.read(record))?.owed ?? []
  t.strictSame([...(owed?.pending.keys() ?? [])].sort(), ['one', 'three', 'two'])
})
