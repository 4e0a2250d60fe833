import path from 'node:path'
import { childEnv } from '../lib/child-env.ts'
import { imageEnv } from '../lib/image-env.ts'
import { type SendFile, sendForm, sendRaw, sendTus } from '../lib/large-file.ts'
import type { Contender } from '../lib/report.ts'

/** A service that accepts a large file in one upload format. */
export interface LargeFileContender extends Contender {
  /** The path of its program. */
  readonly entry: string
  /** Environment variables of its process, besides the common ones. */
  readonly env: NodeJS.ProcessEnv
  readonly send: SendFile
  /** The number of events that each upload must publish. */
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
  does: 'the same, resumable by any process, with the offset in the record; no disk',
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
  does: 'bench/contenders/tus-to-s3.ts: @tus/server on @tus/s3-store, parts of 8 MiB through the disk, and nothing else',
  entry: at('../contenders/tus-to-s3'),
  env: {},
  send: sendTus,
  events: 0,
}

/** Default settings. Uploads are recorded in a real DynamoDB, because the sink does not store the offsets of tus. */
export function largeFileEnv(servers: { sink: string; dynamodb: string; issuer: string }): NodeJS.ProcessEnv {
  const { sink, dynamodb, issuer } = servers
  return { ...childEnv({ aws: sink, kinesis: sink, issuer }), AWS_ENDPOINT_URL_DYNAMODB: dynamodb }
}
