import { createLocalClients } from '../clients.ts'
import { signIn } from '../cognito-wire.ts'
import { type DemoResult, demoFile, runDemo } from './demo.ts'
import { DemoError } from './errors.ts'
import type { Pipeline } from './pipeline.ts'

export interface TryOutSettings {
  timeoutMs: number
  onStep(step: string, result: string): void
  isRetried?: ((uploadId: string) => boolean) | undefined
}

/** Runs the demo against a pipeline, with a time limit. */
export async function tryOut(
  { apiUrl, aws }: Pipeline,
  { timeoutMs, onStep, isRetried }: TryOutSettings,
): Promise<DemoResult> {
  const clients = createLocalClients(aws.endpoints)
  const bound = new AbortController()
  const timer = setTimeout(
    () => bound.abort(new DemoError(`The time limit of ${timeoutMs / 1_000} s has passed.`)),
    timeoutMs,
  )
  try {
    return await runDemo({
      apiUrl,
      cognitoUrl: aws.endpoints.cognito,
      clientId: aws.env.COGNITO_CLIENT_ID ?? '',
      user: aws.user,
      s3: clients.s3,
      signal: bound.signal,
      // A custom transform may process the demo file.
      expected: process.env.TRANSFORMS === undefined ? demoFile.processed : undefined,
      onStep,
      isRetried,
    })
  } finally {
    clearTimeout(timer)
    clients.destroy()
  }
}

/** Resolves to a token of the demo user. */
export async function signInDemoUser({ aws }: Pick<Pipeline, 'aws'>): Promise<string> {
  const clientId = aws.env.COGNITO_CLIENT_ID ?? ''
  return (await signIn(aws.endpoints.cognito, { clientId, ...aws.user })).idToken
}
