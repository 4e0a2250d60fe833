import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { notificationOf } from '../../services/uploads/notifications/message.ts'
import { createNotificationStore } from '../../services/uploads/notifications/notification-store.ts'
import { dueTime, type NewNotification } from '../../services/uploads/notifications/owed.ts'
import { createRemoveObject } from '../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import { createDeletions } from '../../services/uploads/records/deletions.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { createNotificationDeadLetters } from '../../services/worker/notifications/dead-letters.ts'
import { startAws } from '../support/aws.ts'
import { uploadRecord } from '../worker/pipeline.ts'
import { headgateHere } from './program.ts'

t.test('lists, shows and replays notifications that a destination has not got', async t => {
  const aws = await startAws(t, { shards: 1 })
  const headgate = headgateHere(t, aws.env)
  const { s3, dynamodb } = aws
  const uploads = createUploadStore({ dynamodb, table: names.uploadsTable })
  const store = createNotificationStore({ dynamodb, table: names.uploadsTable })
  const deadLetters = createNotificationDeadLetters({ s3, bucket: names.processedBucket })

  const results = createResultStore({ dynamodb, table: names.uploadsTable })
  const deletions = createDeletions({
    ...{ dynamodb, table: names.uploadsTable },
    removeObject: createRemoveObject(s3),
    removeOutputs: createRemoveOutputs(s3, results),
  })

  async function processed(owner: string): Promise<UploadRecord> {
    const record = uploadRecord({ owner, status: 'processed' })
    await uploads.create(record)
    return record
  }
  const notification = (id: string, destination: string): NewNotification => ({
    id,
    type: 'upload.processed',
    sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
    at: Date.parse('2026-01-02T03:04:05Z'),
    destinations: [destination],
    dueAt: dueTime(Date.now()),
  })
  async function giveUp(record: UploadRecord, id: string, destination: string) {
    const { sequenceNumber, type, at } = notification(id, destination)
    return await deadLetters.write({
      ...{ version: 1, destination, sequenceNumber, attempts: 13, dueAt: 1, givenUpAt: new Date().toISOString() },
      notification: notificationOf(record, { id, type, at }),
      error: { code: 'refused', reason: 'The webhook "crm" answered 503.' },
    })
  }
  const [ann, bob, gone] = [await processed('ann'), await processed('bob'), await processed('cid')]
  await store.oweAgain(ann, notification('msg_ann', 'crm'))
  await giveUp(bob, 'msg_bob', 'crm')
  await giveUp(bob, 'msg_bob', 'bus')
  const goneKey = await giveUp(gone, 'msg_gone', 'crm')

  await t.test('notifications list has what is owed and what was given up', async t => {
    const all = await headgate('notifications', 'list', '--json')
    t.equal(all.code, 0, all.stderr)
    t.strictSame(
      new Set(all.lines().map(({ id, destination, state }) => `${id} ${destination} ${state}`)),
      new Set(['msg_ann crm owed', 'msg_bob crm given up', 'msg_bob bus given up', 'msg_gone crm given up']),
    )
    const table = await headgate('notifications', 'list', '--given-up', '--destination', 'bus')
    t.match(
      table.stdout,
      new RegExp(`^ID .*\\nmsg_bob +bus +given up +upload.processed +${bob.uploadId} .* 13 +- +refused\\n$`),
    )
    const owed = await headgate('notifications', 'list', '--owed', '--upload', ann.uploadId)
    t.match(owed.stdout, /\nmsg_ann +crm +owed .* 0 +soon +-\n$/)
    const none = await headgate('notifications', 'list', '--destination', 'nobody')
    t.match(none, { code: 0, stdout: '', stderr: /No notifications found/ })
  })

  await t.test('notifications show prints the message for each destination', async t => {
    const shown = await headgate('notifications', 'show', 'msg_bob')
    t.equal(shown.stdout.match(/^failure +refused$/gm)?.length, 2, shown.stderr)
    t.match(shown.stdout, `"uploadId": "${bob.uploadId}"`)
    t.match((await headgate('notifications', 'show', 'msg_ann')).stdout, /^state +owed$/m)
    t.match(await headgate('notifications', 'show', 'msg_nobody'), { code: 1, stderr: /No destination waits/ })
    t.match(await headgate('notifications', 'show', 'nonsense'), { code: 2, stderr: /is not the id of a notification/ })
  })

  await t.test('notifications replay makes them owed again, and removes their dead letters', async t => {
    t.match(await headgate('notifications', 'replay'), { code: 2, stderr: /Give the ids of notifications, or --all/ })
    const dry = await headgate('notifications', 'replay', '--all', '--dry-run')
    t.match(dry, { code: 0, stderr: /3 would be sent\nNothing was changed/ })

    const one = await headgate('notifications', 'replay', 'msg_bob', '--destination', 'crm')
    t.match(one, { code: 0, stdout: 'msg_bob  crm  owed again\n' })
    const [owed, ...more] = (await store.read(bob))?.owed ?? []
    t.strictSame([owed?.id, [...(owed?.pending.keys() ?? [])], more.length], ['msg_bob', ['crm'], 0])

    const deleted = await deletions.begin(gone)
    if (deleted) await deletions.complete(deleted)
    const rest = await headgate('notifications', 'replay', '--all')
    t.match(rest.stdout, /^msg_bob {2}bus {2}owed again$/m)
    t.match(rest.stdout, /^msg_gone {2}crm {2}was removed, because its upload is deleted$/m)
    t.equal(await deadLetters.get(goneKey), undefined)
    t.strictSame([...((await store.read(bob))?.owed[0]?.pending.keys() ?? [])].sort(), ['bus', 'crm'])
    t.match(await headgate('notifications', 'replay', 'msg_bob'), {
      code: 1,
      stderr: /There is no dead letter of msg_bob/,
    })
  })
})
