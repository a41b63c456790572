// Signs one user in as an application does, with the AWS SDK for JavaScript, and answers SMS_MFA.
//
//   PASSWORD=... node sign_in.mjs ENDPOINT CLIENT_ID USERNAME
//
// The code comes from the outbox of the simulator at ENDPOINT. Prints one JSON document on standard output.

import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
} from "@aws-sdk/client-cognito-identity-provider";

const [endpoint, clientId, username] = process.argv.slice(2);
const client = new CognitoIdentityProviderClient({ region: "ap-northeast-1", endpoint, maxAttempts: 1 });

const asked = await client.send(
  new InitiateAuthCommand({
    AuthFlow: "USER_PASSWORD_AUTH",
    ClientId: clientId,
    AuthParameters: { USERNAME: username, PASSWORD: process.env.PASSWORD },
  }),
);
const parameters = asked.ChallengeParameters ?? {};

const answer = (code) =>
  client.send(
    new RespondToAuthChallengeCommand({
      ClientId: clientId,
      ChallengeName: asked.ChallengeName,
      Session: asked.Session,
      // What the challenge says, not what was typed: an alias may not be accepted here.
      ChallengeResponses: { USERNAME: parameters.USER_ID_FOR_SRP, SMS_MFA_CODE: code },
    }),
  );

const outbox = await fetch(`${endpoint}/_control/outbox?user=${parameters.USER_ID_FOR_SRP}`);
const { code } = (await outbox.json()).messages.at(-1);
const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, "0");
const refusal = await answer(wrong).then(
  () => "accepted",
  (error) => error.name,
);
const { AuthenticationResult: tokens = {} } = await answer(code);

console.log(
  JSON.stringify({
    challenge: asked.ChallengeName,
    medium: parameters.CODE_DELIVERY_DELIVERY_MEDIUM,
    destination: parameters.CODE_DELIVERY_DESTINATION,
    wrongCode: refusal,
    tokens: Object.keys(tokens).sort(),
  }),
);
