/** The program that `npx cdk` runs, as configured in cdk.json. */
import { App } from 'aws-cdk-lib'
import { HeadgateError } from '../services/platform/errors.ts'
import { featureFlags } from './feature-flags.ts'
import { buildHeadgate } from './headgate.ts'

try {
  const app = new App({ context: { ...featureFlags } })
  buildHeadgate(app)
  app.synth()
} catch (error) {
  // A fault in the settings is for a person to read, without a stack trace.
  process.stderr.write(`${error instanceof HeadgateError ? error.message : describe(error)}\n`)
  process.exitCode = 1
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
