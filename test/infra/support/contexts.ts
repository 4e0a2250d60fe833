/** Every setting that adds resources or changes them, except those of tracing. */
export const everything = {
  preset: 'prod',
  alarmEmail: 'operator@example.com',
  domainName: 'api.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:111111111111:certificate/00000000-0000-0000-0000-000000000000',
  userPoolDomain: 'headgate-sign-in',
  callbackUrls: 'https://app.example.com/back',
  logoutUrls: 'https://app.example.com/bye',
  corsOrigins: 'https://app.example.com',
  expireUploadsDays: '30',
  monthlyBudgetUsd: '100',
  costAnomalyUsd: '20',
} as const
