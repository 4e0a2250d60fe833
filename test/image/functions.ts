import type { Test } from 'tap'
import { type LambdaFunction, startFunction } from '../../bench/lambda/function.ts'
import { handlers } from '../../infra/compute/image.ts'
import { startAws, type TestAws } from '../support/aws.ts'

/** The functions that the stacks create from the image. */
export type Role = keyof typeof handlers

/** A function of the image. Only Docker can measure its start. */
export type SceneFunction = Pick<LambdaFunction, 'invoke'> & Partial<Pick<LambdaFunction, 'init' | 'cpuMs'>>

/** An embedded AWS, and functions of the image that use it. */
export interface Scene {
  aws: TestAws
  start(role: Role, env?: Record<string, string>): Promise<SceneFunction>
}

/** The event of an EventBridge schedule. */
export const scheduled = {
  version: '0',
  id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '123456789012',
  time: '2026-11-23T06:30:00Z',
  region: 'us-east-1',
  resources: ['arn:aws:events:us-east-1:123456789012:rule/headgate'],
  detail: {},
}

/** Opens a scene for the duration of the test, and reports each function that started. */
export async function openScene(t: Test, image: string, onStarted: (role: Role) => void): Promise<Scene> {
  const aws = await startAws(t)
  return {
    aws,
    async start(role, env = {}) {
      const settings = { image, handler: handlers[role], env: { ...aws.env, LOG_LEVEL: 'warn', ...env } }
      const lambda = await startFunction(settings)
      t.teardown(() => lambda.stop())
      onStarted(role)
      return lambda
    },
  }
}
