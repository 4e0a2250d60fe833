import { userPool } from '../../../platform/resources.ts'
import { CognitoError } from '../errors.ts'
import type { PasswordPolicy } from './schema.ts'

export const defaultPasswordPolicy: PasswordPolicy = {
  minimumLength: userPool.passwordMinimumLength,
  requireUppercase: false,
  requireLowercase: false,
  requireNumbers: false,
  requireSymbols: false,
}

/** @throws CognitoError InvalidPasswordException with the rule that the password breaks, and never the password */
export function checkPassword(password: string, policy: PasswordPolicy): void {
  const fault = faultOf(password, policy)
  if (fault) throw new CognitoError('InvalidPasswordException', `Password did not conform with policy: ${fault}`)
}

function faultOf(password: string, policy: PasswordPolicy): string | undefined {
  // Characters instead of UTF-16 code units: an emoji is one character.
  if ([...password].length < policy.minimumLength) return 'Password not long enough'
  if (/^\s|\s$/u.test(password)) return 'Password must not begin or end with white space'
  if (policy.requireUppercase && !/[A-Z]/.test(password)) return 'Password must have uppercase characters'
  if (policy.requireLowercase && !/[a-z]/.test(password)) return 'Password must have lowercase characters'
  if (policy.requireNumbers && !/[0-9]/.test(password)) return 'Password must have numeric characters'
  if (policy.requireSymbols && !/[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+\- ]/.test(password))
    return 'Password must have symbol characters'
  return undefined
}
