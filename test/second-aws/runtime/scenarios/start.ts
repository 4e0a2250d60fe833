import type { Test } from 'tap'
import type { handlers } from '../../../../infra/compute/image.ts'
import { type EmulatedFunction, FunctionError } from '../emulator.ts'

export type Role = keyof typeof handlers

/** An invalid variable of each role, and the roles whose error must name it. */
const wrong: Array<{ env: Record<string, string>; names: RegExp; roles: readonly Role[] }> = [
  {
    env: { UPLOAD_BUCKET: '' },
    names: /UPLOAD_BUCKET: is required/,
    roles: ['api', 'processor', 'relay', 'sweep', 'orphans'],
  },
  { env: { LOG_LEVEL: 'loud' }, names: /LOG_LEVEL: /, roles: ['api', 'processor', 'relay', 'sweep', 'orphans'] },
  { env: { COGNITO_CLIENT_ID: '' }, names: /COGNITO_CLIENT_ID: is required/, roles: ['api'] },
  {
    env: { MAX_UPLOAD_BYTES: 'many', PORT: 'x' },
    names: /PORT: [\s\S]*MAX_UPLOAD_BYTES: |MAX_UPLOAD_BYTES: [\s\S]*PORT: /,
    roles: ['api'],
  },
  { env: { PROCESSED_BUCKET: '' }, names: /PROCESSED_BUCKET: is required/, roles: ['processor'] },
  { env: { TRANSFORMS: '[{' }, names: /TRANSFORMS/, roles: ['processor'] },
]

/** Asserts that a function with an invalid configuration reports every invalid variable to Lambda, at each start. */
export async function refuseConfigurations(
  t: Test,
  start: (t: Test, role: Role, env: Record<string, string>) => Promise<EmulatedFunction>,
): Promise<void> {
  for (const { env, names, roles } of wrong) {
    for (const role of roles) {
      const name = `${role} with ${Object.keys(env).join(' and ')}`
      const one = await start(t, role, env)
      const error = await one.invoke({}).catch((thrown: unknown) => thrown)
      t.ok(error instanceof FunctionError, `${name}: the start fails`)
      t.match(error, { errorType: 'ConfigurationError', message: names }, name)
    }
  }
}
