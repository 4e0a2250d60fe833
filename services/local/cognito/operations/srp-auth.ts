import { randomBytes } from 'node:crypto'
import { CognitoError } from '../errors.ts'
import { ExpiringMap } from '../hosted/expiring-map.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client, User } from '../pools/schema.ts'
import { fakeVerifier, type SrpExchange, startExchange, verifyProof } from '../srp.ts'

/** Cognito's default of `AuthSessionValidity`. */
const LIFETIME_MS = 3 * 60_000

interface Open {
  clientId: string
  username: string
  exchange: SrpExchange
}

/** Sign-ins by SRP that wait for the proof of the password. They are only in memory. */
export class SrpExchanges {
  readonly #open = new ExpiringMap<Open>(LIFETIME_MS)
  readonly #secret = randomBytes(32)

  /**
   * Opens an exchange and returns the challenge. An unknown user gets a challenge too, which nobody can answer.
   *
   * @throws CognitoError UserNotFoundException, InvalidParameterException
   */
  open(pool: UserPool, client: Client, username: string, clientPublic: string, now: number): object {
    const user = pool.findUser(username)
    if (!user && !client.hidesUnknownUsers) throw new CognitoError('UserNotFoundException', 'User does not exist.')
    const verifier = user?.srp ?? fakeVerifier(this.#secret, username)
    const exchange = startExchange(verifier, clientPublic)
    if (!exchange) throw new CognitoError('InvalidParameterException', 'SRP_A is invalid.')
    const key = this.#open.add({ clientId: client.id, username, exchange }, now)
    return {
      ChallengeName: 'PASSWORD_VERIFIER',
      ChallengeParameters: {
        SALT: verifier.salt,
        SECRET_BLOCK: Buffer.from(key, 'base64url').toString('base64'),
        SRP_B: exchange.serverPublic,
        USERNAME: username,
        USER_ID_FOR_SRP: username,
      },
    }
  }

  /**
   * Closes an exchange, and returns the user who has proven the password.
   *
   * @throws CognitoError NotAuthorizedException, UserNotConfirmedException
   */
  close(pool: UserPool, client: Client, responses: Readonly<Record<string, string>>, now: number): User {
    const { USERNAME = '', PASSWORD_CLAIM_SECRET_BLOCK: secretBlock = '' } = responses
    const { TIMESTAMP: timestamp = '', PASSWORD_CLAIM_SIGNATURE: signature = '' } = responses
    const open = this.#open.take(Buffer.from(secretBlock, 'base64').toString('base64url'), now)
    const isTheirs = open?.clientId === client.id && open.username === USERNAME
    const user = pool.findUser(USERNAME)
    const proof = { userId: USERNAME, secretBlock, timestamp, signature }
    if (!isTheirs || !user || !verifyProof(open.exchange, pool.id, proof)) {
      throw new CognitoError('NotAuthorizedException', 'Incorrect username or password.')
    }
    if (user.status === 'UNCONFIRMED') throw new CognitoError('UserNotConfirmedException', 'User is not confirmed.')
    return user
  }
}
