import { randomUUID } from 'node:crypto'
import type { User } from './schema.ts'

export type NewUser = Pick<User, 'username' | 'status' | 'passwordHash' | 'attributes'> & Pick<User, 'confirmation'>

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

export function setPassword(user: User, passwordHash: string, status: User['status'], now: number): void {
  user.passwordHash = passwordHash
  user.status = status
  user.modifiedAt = now
  delete user.confirmation
}
