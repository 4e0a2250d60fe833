import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { AccountRecovery, CfnUserPoolClient, Mfa, UserPool } from 'aws-cdk-lib/aws-cognito'
import type { Construct } from 'constructs'
import { userPool as definition } from '../../services/platform/resources.ts'
import { acknowledge } from '../acknowledge.ts'
import { parseList } from '../settings/parse-list.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'

const MFA = { off: Mfa.OFF, optional: Mfa.OPTIONAL, required: Mfa.REQUIRED } as const

/** Creates the user pool and its app client. The client has no secret, because browsers and command lines could not keep it. */
export function createUsers(scope: Construct, settings: Settings): { pool: UserPool; client: CfnUserPoolClient } {
  const names = resourceNames(settings)
  const pool = new UserPool(scope, 'Users', {
    userPoolName: names.userPool,
    signInAliases: { email: true },
    signInCaseSensitive: false,
    selfSignUpEnabled: settings.selfSignUp,
    autoVerify: { email: true },
    accountRecovery: AccountRecovery.EMAIL_ONLY,
    mfa: MFA[settings.mfa],
    ...(settings.mfa !== 'off' && { mfaSecondFactor: { otp: true, sms: false } }),
    passwordPolicy: {
      minLength: definition.passwordMinimumLength,
      requireLowercase: true,
      requireUppercase: true,
      requireDigits: true,
      requireSymbols: true,
    },
    deletionProtection: settings.keepData,
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  })
  acknowledge(pool, {
    'AwsSolutions-COG2': 'The setting `mfa` decides whether users need a second factor.',
    'AwsSolutions-COG8':
      'The Plus tier costs money for each user. An operator who wants its threat protection turns it on for the pool.',
  })
  if (settings.userPoolDomain !== undefined) {
    pool.addDomain('Domain', { cognitoDomain: { domainPrefix: settings.userPoolDomain } })
  }
  const client = new CfnUserPoolClient(scope, 'Client', {
    userPoolId: pool.userPoolId,
    clientName: names.userPoolClient,
    generateSecret: false,
    explicitAuthFlows: [...definition.authFlows],
    preventUserExistenceErrors: 'ENABLED',
    enableTokenRevocation: true,
    accessTokenValidity: definition.accessTokenMinutes,
    idTokenValidity: definition.idTokenMinutes,
    refreshTokenValidity: Duration.days(definition.refreshTokenDays).toDays(),
    ...(settings.userPoolDomain !== undefined && {
      allowedOAuthFlowsUserPoolClient: true,
      allowedOAuthFlows: ['code'],
      allowedOAuthScopes: [...definition.oauthScopes],
      supportedIdentityProviders: ['COGNITO'],
      callbackUrLs: parseList(settings.callbackUrls),
      logoutUrLs: parseList(settings.logoutUrls),
    }),
    tokenValidityUnits: { accessToken: 'minutes', idToken: 'minutes', refreshToken: 'days' },
  })
  return { pool, client }
}
