const seconds = (Date.now() - Number(process.env.STATE_started)) / 1000;
console.log(`the job spent ${seconds.toFixed(1)} s from its first step to here`);
