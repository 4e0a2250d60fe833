import { CognitoError } from '../errors.ts'
import { adminCreateUser, adminDeleteUser, adminGetUser, adminSetUserPassword } from './admin-users.ts'
import { initiateAuth } from './auth.ts'
import { respondToAuthChallenge } from './challenge.ts'
import { createUserPoolClient, describeUserPoolClient, listUserPoolClients } from './clients.ts'
import type { Operation } from './operation.ts'
import { createUserPool, describeUserPool, listUserPools } from './pools.ts'
import { adminConfirmSignUp, confirmSignUp, resendConfirmationCode, signUp } from './sign-up.ts'
import { getUser, globalSignOut, revokeToken } from './users.ts'

/** Every operation of this server. */
export const operations: readonly Operation[] = [
  createUserPool,
  describeUserPool,
  listUserPools,
  createUserPoolClient,
  describeUserPoolClient,
  listUserPoolClients,
  signUp,
  resendConfirmationCode,
  confirmSignUp,
  adminConfirmSignUp,
  adminCreateUser,
  adminSetUserPassword,
  adminGetUser,
  adminDeleteUser,
  getUser,
  initiateAuth,
  respondToAuthChallenge,
  globalSignOut,
  revokeToken,
]

const TARGET_PREFIX = 'AWSCognitoIdentityProviderService.'
const byTarget = new Map(operations.map(operation => [`${TARGET_PREFIX}${operation.name}`, operation]))

/**
 * Returns the operation of a request.
 *
 * @param target the value of `X-Amz-Target`
 * @throws CognitoError UnknownOperationException
 */
export function findOperation(target: string | undefined): Operation {
  const operation = target === undefined ? undefined : byTarget.get(target)
  if (!operation) throw new CognitoError('UnknownOperationException', 'This server does not know the operation.')
  return operation
}
