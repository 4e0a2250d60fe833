import { randomUUID } from 'node:crypto'
import type { User } from './schema.ts'

export type NewUser = Pick<User, 'username' | 'status' | 'passwordHash' | 'attributes'> & Pick<User, 'confirmation'>

/** A user as they are at first: known by a random `sub` for good, whatever becomes of the name. */
export function createUser(user: NewUser, now: number): User {
  return { sub: randomUUID(), createdAt: now, modifiedAt: now, ...user }
}

/** Confirms a user. Of the code nothing stays: it has done its work. */
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
