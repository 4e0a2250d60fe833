import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { ArchivedLetter, DeadLetterArchive } from '../../worker/dead-letters/archive.ts'
import { deadLetterKeyOf } from '../../worker/dead-letters/dead-letter.ts'
import { inLanes } from '../../worker/dead-letters/in-lanes.ts'
import { createRedrive } from '../../worker/dead-letters/redrive.ts'
import { BadRequestError } from '../errors.ts'
import { explainFailure } from '../explain-failure.ts'
import type { LetterOutcome, LettersLine, LetterView } from '../letter-views.ts'
import { openResponse } from './stream-response.ts'

export interface DeadLettersDeps {
  streamName: string
  bucket: string
  archive: DeadLetterArchive
  store: Pick<UploadStore, 'get' | 'markRedriven'>
  kinesis: KinesisClient
  allowChanges: boolean
  closing: AbortSignal
}

const MAX_IDS = 10_000
/** Each dead letter is an object that has to be read. */
const MAX_LISTED = 10_000
const MAX_CONCURRENCY = 8

const choice = Type.Object({
  ids: Type.Array(Type.String({ maxLength: 300 }), { minItems: 1, maxItems: MAX_IDS }),
})

/** Lists dead letters, redrives and discards them. */
export const deadLettersRoutes: FastifyPluginCallbackTypebox<DeadLettersDeps> = (app, deps, done) => {
  const { streamName, bucket, archive, closing, allowChanges } = deps
  const target = { action: 's3:ListBucket and s3:GetObject', resource: `dead-letters/ in the bucket '${bucket}'` }

  app.get('/api/dead-letters', async (_request, reply) => {
    const response = openResponse(reply, 'application/x-ndjson', closing)
    const write = (line: LettersLine) => response.write(`${JSON.stringify(line)}\n`)
    try {
      let count = 0
      for await (const found of archive.list({})) {
        if (response.signal.aborted || count === MAX_LISTED) break
        await write({ type: 'letter', letter: toView(found) })
        count++
      }
      await write({ type: 'end', isCut: count === MAX_LISTED })
    } catch (error) {
      if (!response.signal.aborted) await write({ type: 'failure', failure: explainFailure(error, target) })
    }
    response.end()
  })

  app.get(
    '/api/dead-letters/letter',
    { schema: { querystring: Type.Object({ id: Type.String() }) } },
    async request => {
      const { letter, ...found } = await find(request.query.id)
      const uploadStatus = letter?.upload ? ((await deps.store.get(letter.upload))?.status ?? null) : null
      return {
        ...toView({ letter, ...found }),
        data: letter?.data ?? '',
        causes: letter?.error.causes ?? [],
        uploadStatus,
      }
    },
  )

  if (allowChanges) {
    const redrive = createRedrive({ archive, kinesis: deps.kinesis, store: deps.store })
    const options = { schema: { body: choice } }
    app.post('/api/dead-letters/redrive', options, async request => {
      return await forEach(request.body.ids, async found => {
        const result = await redrive(found)
        return { id: found.id, outcome: result.outcome }
      })
    })
    app.post('/api/dead-letters/discard', options, async request => {
      return await forEach(request.body.ids, async ({ id, key }) => {
        await archive.remove(key)
        return { id, outcome: 'discarded' }
      })
    })
  }
  done()

  /** @throws BadRequestError */
  async function find(id: string): Promise<ArchivedLetter> {
    const key = deadLetterKeyOf(streamName, id)
    const found = key === undefined ? undefined : await archive.get(key)
    if (found) return found
    throw new BadRequestError(`There is no dead letter '${id}'. It was discarded.`)
  }

  /** Runs a change for each dead letter. One that fails does not stop the others. Records of one key keep their order. */
  async function forEach(
    ids: readonly string[],
    run: (letter: ArchivedLetter) => Promise<LetterOutcome>,
  ): Promise<{ outcomes: LetterOutcome[] }> {
    const letters = async function* () {
      for (const id of ids.toSorted()) {
        const key = deadLetterKeyOf(streamName, id)
        const found = key === undefined ? undefined : await archive.get(key)
        yield found ?? { id, key: key ?? id, letter: undefined }
      }
    }
    const outcomes: LetterOutcome[] = []
    const laneOf = ({ id, letter }: ArchivedLetter) => letter?.partitionKey ?? id
    const change = async (letter: ArchivedLetter): Promise<LetterOutcome> => {
      try {
        return await run(letter)
      } catch (error) {
        return { id: letter.id, outcome: 'failed', error: explainFailure(error, target).title }
      }
    }
    for await (const outcome of inLanes(letters(), { concurrency: MAX_CONCURRENCY, laneOf }, change))
      outcomes.push(outcome)
    return { outcomes }
  }
}

function toView({ id, letter }: ArchivedLetter): LetterView {
  if (!letter) return { id, isReadable: false }
  const { error, failedAt, partitionKey, shardId, sequenceNumber, upload, redriven, data } = letter
  return {
    id,
    isReadable: true,
    code: error.code,
    reason: error.reason,
    failedAt: Date.parse(failedAt),
    partitionKey: partitionKey ?? null,
    shardId,
    sequenceNumber,
    bytes: Buffer.byteLength(data, 'base64'),
    uploadId: upload?.uploadId ?? null,
    owner: upload?.owner ?? null,
    filename: filenameOf(data),
    redrivenAt: redriven ? Date.parse(redriven.at) : null,
  }
}

/** Returns the name of the file in the event of an upload. The data may be anything: that may be why it is a dead letter. */
function filenameOf(base64: string): string | null {
  try {
    const event: unknown = JSON.parse(Buffer.from(base64, 'base64').toString())
    const { filename } = (event ?? {}) as { filename?: unknown }
    return typeof filename === 'string' ? filename : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
