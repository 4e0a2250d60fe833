import path from 'node:path'
import { childEnv } from '../lib/child-env.ts'
import { imageEnv } from '../lib/image-env.ts'
import { type SendFile, sendForm, sendRaw, sendTus } from '../lib/large-file.ts'
import type { Contender } from '../lib/report.ts'

/** A way for a large file, through a service that takes it. */
export interface LargeFileContender extends Contender {
  /** The file of its program. */
  readonly entry: string
  /** Of its process, beside what all have. */
  readonly env: NodeJS.ProcessEnv
  readonly send: SendFile
  /** The events that each upload must have left. */
  readonly events: number
}

const at = (file: string) => path.resolve(import.meta.dirname, `${file}${path.extname(import.meta.filename)}`)

const api = { entry: at('../../services/api/server'), env: imageEnv(), events: 1 } as const
const DOES = 'services/api/server.ts: verifies the token, type by the bytes, SHA-256, record, event'

export const headgateForm: LargeFileContender = {
  ...api,
  name: 'headgate form',
  does: `${DOES}; parts of 8 MiB with CRC-32`,
  send: sendForm,
}

export const headgateRaw: LargeFileContender = { ...api, name: 'headgate raw', does: 'the same', send: sendRaw }

export const headgateTus: LargeFileContender = {
  ...api,
  name: 'headgate tus',
  does: 'the same, resumable by any process, the offset in the record; no disk',
  send: sendTus,
}

export const formToStorage: LargeFileContender = {
  name: 'lib-storage form',
  does: 'bench/contenders/form-to-storage.ts: @fastify/multipart into lib-storage, four parts of 8 MiB at a time, and nothing else',
  entry: at('../contenders/form-to-storage'),
  env: {},
  send: sendForm,
  events: 0,
}

export const tusToS3: LargeFileContender = {
  name: 's3-store tus',
  does: 'bench/contenders/tus-to-s3.ts: @tus/server on @tus/s3-store, parts of 8 MiB by way of the disk, and nothing else',
  entry: at('../contenders/tus-to-s3'),
  env: {},
  send: sendTus,
  events: 0,
}

/** Every setting at its default. Uploads are recorded in a DynamoDB of their own: one that answers at once forgets offsets. */
export function largeFileEnv(servers: { sink: string; dynamodb: string; issuer: string }): NodeJS.ProcessEnv {
  const { sink, dynamodb, issuer } = servers
  return { ...childEnv({ aws: sink, kinesis: sink, issuer }), AWS_ENDPOINT_URL_DYNAMODB: dynamodb }
}
