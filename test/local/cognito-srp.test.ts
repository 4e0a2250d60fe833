import { getDiffieHellman } from 'node:crypto'
import {
  AuthenticationDetails,
  CognitoUser,
  CognitoUserPool,
  type CognitoUserSession,
} from 'amazon-cognito-identity-js'
import t from 'tap'
import type { CognitoServer } from '../../services/local/cognito/index.ts'
import { addUser, CLIENT, call, isError, PASSWORD, POOL, signIn, start, verifyToken } from './cognito-client.ts'

/** Signs in with the library of AWS. Resolves to `new` if the library asks for a new password, which it then sets. */
function signInBySrp(server: CognitoServer, username: string, password: string, newPassword?: string) {
  const pool = new CognitoUserPool({ UserPoolId: POOL, ClientId: CLIENT, endpoint: server.url })
  const user = new CognitoUser({ Username: username, Pool: pool })
  return new Promise<CognitoUserSession>((onSuccess, onFailure) => {
    user.authenticateUser(new AuthenticationDetails({ Username: username, Password: password }), {
      onSuccess,
      onFailure,
      newPasswordRequired: () => user.completeNewPasswordChallenge(newPassword ?? '', {}, { onSuccess, onFailure }),
    })
  })
}

t.test("AWS's library signs in by SRP, and gets tokens as by a password", async t => {
  const server = await start(t)
  const sub = await addUser(t, server)
  // Each sign-in has other random numbers, whose first bits decide how they are padded.
  for (let count = 0; count < 12; count++) {
    const session = await signInBySrp(server, 'ada', PASSWORD)
    const { claims } = await verifyToken(session.getIdToken().getJwtToken(), server.issuer(POOL))
    t.match(claims, { sub, aud: CLIENT, token_use: 'id' })
  }
})

t.test('a wrong password and an unknown user get the same response to the proof', async t => {
  const server = await start(t)
  await addUser(t, server)
  const expected = { code: 'NotAuthorizedException', message: 'Incorrect username or password.' }
  await t.rejects(signInBySrp(server, 'ada', 'wrong horse'), expected)
  await t.rejects(signInBySrp(server, 'nobody', PASSWORD), expected)
  const salts = await Promise.all(['nobody', 'nobody', 'ada'].map(async name => (await begin(server, name)).salt))
  t.equal(salts[0], salts[1], 'the salt of an unknown user does not change')
  t.not(salts[0], salts[2])
})

t.test('a user with a temporary password chooses a new password, with which SRP works then', async t => {
  const server = await start(t)
  await call(server, 'AdminCreateUser', { UserPoolId: POOL, Username: 'ada', TemporaryPassword: 'temporary' })
  await signInBySrp(server, 'ada', 'temporary', PASSWORD)
  t.ok((await signInBySrp(server, 'ada', PASSWORD)).isValid())
  t.equal((await signIn(server)).status, 200)
  await t.rejects(signInBySrp(server, 'ada', 'temporary'), { code: 'NotAuthorizedException' })
})

/** Starts an exchange by hand. */
async function begin(server: CognitoServer, username: string, clientPublic = 'a'.repeat(64)) {
  const AuthParameters = { USERNAME: username, SRP_A: clientPublic }
  const reply = await call(server, 'InitiateAuth', { ClientId: CLIENT, AuthFlow: 'USER_SRP_AUTH', AuthParameters })
  const { ChallengeParameters = {} } = reply.body as unknown as { ChallengeParameters?: Record<string, string> }
  return { reply, salt: ChallengeParameters.SALT, block: ChallengeParameters.SECRET_BLOCK ?? '' }
}

t.test('a public value with which the client would choose the key is rejected, and a proof works once', async t => {
  const server = await start(t)
  await addUser(t, server)
  const prime = getDiffieHellman('modp15').getPrime('hex')
  for (const value of ['0', prime, (BigInt(`0x${prime}`) * 2n).toString(16), 'no hex', 'f'.repeat(1025)]) {
    isError(t, (await begin(server, 'ada', value)).reply, 'InvalidParameterException', 'SRP_A is invalid.')
  }
  const { block } = await begin(server, 'ada')
  const answer = {
    ClientId: CLIENT,
    ChallengeName: 'PASSWORD_VERIFIER',
    ChallengeResponses: {
      USERNAME: 'ada',
      PASSWORD_CLAIM_SECRET_BLOCK: block,
      PASSWORD_CLAIM_SIGNATURE: Buffer.alloc(32).toString('base64'),
      TIMESTAMP: 'Mon Nov 30 12:00:00 UTC 2026',
    },
  }
  for (const what of ['a wrong proof', 'an exchange that was used']) {
    const reply = await call(server, 'RespondToAuthChallenge', answer)
    isError(t, reply, 'NotAuthorizedException', 'Incorrect username or password.')
    t.comment(what)
  }
})

t.test('an idle connection stays open while a client computes', async t => {
  const server = await start(t)
  const { headers } = await fetch(server.url)
  t.equal(headers.get('keep-alive'), 'timeout=75')
})
