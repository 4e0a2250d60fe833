import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import { notificationOf } from '../../uploads/notifications/message.ts'
import { isNotificationDeadLetterKey } from '../../worker/notifications/dead-letters.ts'
import {
  type Archives,
  deadNotifications,
  deadRow,
  owedNotifications,
  owedRows,
  replayNotification,
  type Undelivered,
} from '../../worker/notifications/undelivered.ts'
import { BadRequestError } from '../errors.ts'
import { explainFailure, type Target } from '../explain-failure.ts'
import type { NotificationDetail, NotificationOutcome, NotificationsLine } from '../notification-views.ts'
import { openResponse } from './stream-response.ts'

export interface NotificationsDeps {
  archives: Archives
  /** The bucket of the dead letters. */
  bucket: string
  /** The table of the uploads. */
  table: string
  allowChanges: boolean
  closing: AbortSignal
}

/** Each row costs a read of a record or of an object. */
const MAX_LISTED = 5_000
const MAX_KEYS = MAX_LISTED

const text = Type.String({ maxLength: 1_024 })

/** Lists the notifications that a destination has not got, shows one, and replays those that were given up. */
export const notificationsRoutes: FastifyPluginCallbackTypebox<NotificationsDeps> = (app, deps, done) => {
  const { archives, bucket, table, allowChanges, closing } = deps
  const inTable: Target = {
    action: 'dynamodb:Query and dynamodb:GetItem',
    resource: `the table '${table}' and its index notifications`,
  }
  const inBucket: Target = {
    action: 's3:ListBucket and s3:GetObject',
    resource: `dead-letters/ in the bucket '${bucket}'`,
  }

  app.get('/api/notifications', async (_request, reply) => {
    const response = openResponse(reply, 'application/x-ndjson', closing)
    const write = (line: NotificationsLine) => response.write(`${JSON.stringify(line)}\n`)
    let count = 0
    const isFull = () => response.signal.aborted || count === MAX_LISTED
    // What is owed is still listed if the bucket cannot be read, and the other way round.
    const part = async (target: Target, list: () => Promise<void>) => {
      try {
        await list()
      } catch (error) {
        if (!response.signal.aborted) await write({ type: 'failure', failure: explainFailure(error, target) })
      }
    }
    await part(inTable, async () => {
      for await (const row of owedNotifications(archives)) {
        if (isFull()) break
        await write({ type: 'notification', notification: { isReadable: true, ...row } })
        count++
      }
    })
    await part(inBucket, async () => {
      for await (const found of deadNotifications(archives, undefined)) {
        if (isFull()) break
        const row = deadRow(found)
        await write({
          type: 'notification',
          notification: row ? { isReadable: true, ...row } : { isReadable: false, key: found.key },
        })
        count++
      }
    })
    if (!response.signal.aborted) await write({ type: 'end', isCut: count === MAX_LISTED })
    response.end()
  })

  const place = Type.Object({ id: text, destination: text, owner: text, uploadId: text, key: Type.Optional(text) })
  app.get('/api/notifications/notification', { schema: { querystring: place } }, async ({ query }, reply) => {
    const { key, id, destination, owner, uploadId } = query
    try {
      const detail = key === undefined ? await ofRecord({ id, destination, owner, uploadId }) : await ofLetter(key)
      if (detail) return detail
    } catch (error) {
      return reply.code(502).send(explainFailure(error, key === undefined ? inTable : inBucket))
    }
    throw new BadRequestError(
      'The destination no longer waits for this notification: it was delivered, or is owed again.',
    )
  })

  if (allowChanges) {
    const keys = Type.Array(text, { minItems: 1, maxItems: MAX_KEYS })
    app.post('/api/notifications/replay', { schema: { body: Type.Object({ keys }) } }, async ({ body }) => {
      const outcomes: NotificationOutcome[] = []
      // In the order of the list, which is that of the time for each destination.
      for (const key of body.keys) outcomes.push({ key, ...(await replay(key)) })
      return { outcomes }
    })
  }
  done()

  async function ofRecord({
    id,
    destination,
    owner,
    uploadId,
  }: Pick<Undelivered, 'id' | 'destination' | 'owner' | 'uploadId'>): Promise<NotificationDetail | undefined> {
    const found = await archives.store.read({ owner, uploadId })
    const owed = found?.owed.find(one => one.id === id)
    const row = owed && owedRows({ owner, uploadId }, [owed]).find(one => one.destination === destination)
    return found && row && { ...row, message: notificationOf(found.record, owed), reason: null }
  }

  async function ofLetter(key: string): Promise<NotificationDetail | undefined> {
    const found = isNotificationDeadLetterKey(key) ? await archives.deadLetters.get(key) : undefined
    const row = found && deadRow(found)
    return row && found?.letter && { ...row, message: found.letter.notification, reason: found.letter.error.reason }
  }

  async function replay(key: string) {
    const gone = { outcome: 'failed', error: 'Its dead letter is gone. Someone else may have replayed it.' } as const
    if (!isNotificationDeadLetterKey(key)) return gone
    try {
      const found = await archives.deadLetters.get(key)
      return found ? await replayNotification(found, archives) : gone
    } catch (error) {
      return { outcome: 'failed', error: explainFailure(error, inBucket).title } as const
    }
  }
}
