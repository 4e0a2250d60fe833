import path from 'node:path'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import type { Settings } from '../settings/schema.ts'

/** The image of every role: target `runtime` of the Dockerfile. */
export const image = {
  directory: path.resolve(import.meta.dirname, '../..'),
  target: 'runtime',
} as const

/** The command of each container. */
export const commands = {
  api: ['node', 'dist/services/api/server.js'],
  worker: ['node', 'dist/services/worker/worker.js'],
} as const

/** The entry point of every function: the Lambda runtime client in the image. Its argument is the handler. */
export const lambdaEntrypoint = ['node', '/app/dist/services/lambda-start.js']

export const handlers = {
  api: 'dist/services/api/lambda.handler',
  sweep: 'dist/services/api/lambda-sweep.handler',
  processor: 'dist/services/worker/lambda.handler',
  relay: 'dist/services/worker/lambda-relay.handler',
  orphans: 'dist/services/worker/lambda-orphans.handler',
} as const

export function platformOf({ architecture }: Pick<Settings, 'architecture'>): Platform {
  return architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64
}
