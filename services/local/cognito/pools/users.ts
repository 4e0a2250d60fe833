import { randomUUID } from 'node:crypto'
import { hashPassword } from '../passwords.ts'
import { createVerifier } from '../srp.ts'
import type { User } from './schema.ts'

export type NewUser = Pick<User, 'username' | 'status' | 'attributes'> & Credentials & Pick<User, 'confirmation'>

/** What is stored of a password. */
export type Credentials = Pick<User, 'passwordHash' | 'srp'>

/** Computes what is stored of a new password. */
export async function toCredentials(
  passwordCost: number,
  poolId: string,
  username: string,
  password: string,
): Promise<Credentials> {
  return { passwordHash: await hashPassword(password, passwordCost), srp: createVerifier(poolId, username, password) }
}

/** Creates a user. The random `sub` identifies the user for ever, even if the name is used again. */
export function createUser(user: NewUser, now: number): User {
  return { sub: randomUUID(), createdAt: now, modifiedAt: now, ...user }
}

/** Confirms a user and deletes the code. */
export function confirm(user: User, now: number): void {
  user.status = 'CONFIRMED'
  user.modifiedAt = now
  delete user.confirmation
}

export function setPassword(user: User, credentials: Credentials, status: User['status'], now: number): void {
  Object.assign(user, credentials)
  user.status = status
  user.modifiedAt = now
  delete user.confirmation
}
