import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import type { NotificationStore } from '../../uploads/notifications/notification-store.ts'
import { owedRows } from '../../worker/notifications/undelivered.ts'
import { BadRequestError } from '../errors.ts'
import { explainFailure } from '../explain-failure.ts'
import type { TrailView } from '../snapshot.ts'
import type { UploadsAccess } from './uploads.ts'

export interface TrailDeps {
  access: Pick<UploadsAccess, 'getToken'>
  /** The table of the uploads. */
  table: string
  /** Reads the record with what it owes. */
  store: Pick<NotificationStore, 'read'>
}

const params = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) })

/** Reads from the record of an upload what the api does not show to clients: how a worker processed the upload, and its trace. */
export const trailRoutes: FastifyPluginCallbackTypebox<TrailDeps> = (app, { access, table, store }, done) => {
  app.get('/api/uploads/:id/trail', { schema: { params } }, async ({ params: { id: uploadId } }, reply) => {
    const owner = subjectOf(await access.getToken({ rejected: undefined }))
    try {
      const { record, owed = [] } = (await store.read({ owner, uploadId })) ?? {}
      const [, traceId = null] = record?.traceparent?.split('-') ?? []
      return {
        trail: record?.trail ?? null,
        traceId,
        redrivenAt: record?.redrivenAt === undefined ? null : Date.parse(record.redrivenAt),
        notifications: owedRows({ owner, uploadId }, owed),
      } satisfies TrailView
    } catch (error) {
      const target = { action: 'dynamodb:GetItem', resource: `the table '${table}'` }
      return reply.code(502).send(explainFailure(error, target))
    }
  })
  done()
}

/** Returns the user of a token. The api has the same token and verifies it. Here it only selects the records to read. */
function subjectOf(token: string): string {
  try {
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub?: unknown }
    if (typeof sub === 'string') return sub
  } catch (cause) {
    throw new BadRequestError('The token of the api is not a JSON Web Token.', { cause })
  }
  throw new BadRequestError('The token of the api names no user.')
}
