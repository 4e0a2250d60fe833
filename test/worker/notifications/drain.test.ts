import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Notifier } from '../../../services/worker/notifications/notifier.ts'
import { createReceiver } from '../../../services/worker/notifications/receiver.ts'
import { createMemoryLog } from '../memory-log.ts'
import { streamRecord, uploadRecord } from '../pipeline.ts'

t.test('a drain ends in twice its time although the table does not answer', async t => {
  const { log } = createMemoryLog()
  const counts = { sent: () => undefined, failed: () => undefined, deadLettered: () => undefined }
  const destination = { name: 'crm', wants: () => true, send: async () => undefined, close: () => undefined }
  const settled = Promise.withResolvers<void>()
  const settling = Promise.withResolvers<void>()
  const notifier = new Notifier({
    receivers: [createReceiver({ destination, counts, log })],
    store: {
      settle() {
        settling.resolve()
        return settled.promise
      },
    },
    afterAttempt: async () => undefined,
    log,
  })
  const record = uploadRecord({ status: 'processed' })
  const about = { type: 'upload.processed', mediaType: 'text/plain', transform: 'upper-case' } as const
  const owed = notifier.create({ upload: record, ...about, record: streamRecord(record) })
  owed?.onOwed?.({ record, isBehind: false })
  await settling.promise

  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let isDrained = false
  const drained = notifier.drain(200).then(() => {
    isDrained = true
  })
  mock.timers.tick(199)
  await turn()
  t.notOk(isDrained)
  mock.timers.tick(1)
  await turn()
  mock.timers.tick(200)
  await drained
  t.pass('it has ended')
  settled.resolve()
})
