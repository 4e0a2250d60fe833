import path from 'node:path'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import type { Settings } from '../settings/schema.ts'

/** The one image of every role: the Dockerfile's target `runtime`. */
export const image = {
  directory: path.resolve(import.meta.dirname, '../..'),
  target: 'runtime',
} as const

/** What a role runs in it. `schema` is the part of the configuration that it reads. */
export const commands = {
  api: ['node', 'dist/services/api/server.js'],
  worker: ['node', 'dist/services/worker/worker.js'],
} as const

/** As a function: the runtime client in the image, and the handler that it calls. */
export const lambdaEntrypoint = ['node', '/app/dist/services/lambda-start.js']

export const handlers = {
  api: 'dist/services/api/lambda.handler',
  sweep: 'dist/services/api/lambda-sweep.handler',
  processor: 'dist/services/worker/lambda.handler',
  relay: 'dist/services/worker/lambda-relay.handler',
  strays: 'dist/services/worker/lambda-strays.handler',
} as const

export function platformOf({ architecture }: Pick<Settings, 'architecture'>): Platform {
  return architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64
}
